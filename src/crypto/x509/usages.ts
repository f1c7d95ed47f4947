/**
 * Key usages and extended key usages: between cert-manager's words, which people write, and bits and object identifiers.
 */
import { KeysteadError } from '../../api/error.ts';
import type { KeyAlgorithm } from '../keys.ts';

/** Bits of the key usage extension (RFC 5280 §4.2.1.3). The first word of a bit is the one it is read as. */
const keyUsageBits: ReadonlyMap<string, number> = new Map([
  ['digital signature', 0],
  ['signing', 0],
  ['content commitment', 1],
  ['key encipherment', 2],
  ['data encipherment', 3],
  ['key agreement', 4],
  ['cert sign', 5],
  ['crl sign', 6],
  ['encipher only', 7],
  ['decipher only', 8],
]);

/** Purposes of the extended key usage extension (RFC 5280 §4.2.1.12). As above, the first word counts. */
const purposes: ReadonlyMap<string, string> = new Map([
  ['any', '2.5.29.37.0'],
  ['server auth', '1.3.6.1.5.5.7.3.1'],
  ['client auth', '1.3.6.1.5.5.7.3.2'],
  ['code signing', '1.3.6.1.5.5.7.3.3'],
  ['email protection', '1.3.6.1.5.5.7.3.4'],
  ['s/mime', '1.3.6.1.5.5.7.3.4'],
  ['ipsec end system', '1.3.6.1.5.5.7.3.5'],
  ['ipsec tunnel', '1.3.6.1.5.5.7.3.6'],
  ['ipsec user', '1.3.6.1.5.5.7.3.7'],
  ['timestamping', '1.3.6.1.5.5.7.3.8'],
  ['ocsp signing', '1.3.6.1.5.5.7.3.9'],
  ['microsoft sgc', '1.3.6.1.4.1.311.10.3.3'],
  ['netscape sgc', '2.16.840.1.113730.4.1'],
]);

const KEY_ENCIPHERMENT = 2;
const DATA_ENCIPHERMENT = 3;
const CERT_SIGN = 5;
const CRL_SIGN = 6;
const DIGITAL_SIGNATURE = 0;
const KEY_AGREEMENT = 4;
const ENCIPHER_ONLY = 7;
const DECIPHER_ONLY = 8;

/** Usages as the two extensions hold them. */
export interface KeyPurposes {
  /** Bits of the key usage extension, ascending. Empty: no such extension. */
  readonly keyUsage: readonly number[];
  /** Object identifiers of the extended key usage extension. Empty: no such extension. */
  readonly extendedKeyUsage: readonly string[];
}

/**
 * What a request's usages come to for its kind of key.
 * - Nothing asked for: digital signature, with RSA also key encipherment (cert-manager's default); no extended usage.
 * - A CA always gets cert sign and crl sign.
 * - Key and data encipherment are left out for elliptic curves, where they MUST NOT stand (RFC 8813 §3, RFC 9295 §3);
 *   manifests carry them by habit, and refusing these would help nobody.
 */
export function keyPurposes(usages: readonly string[] | undefined, isCA: boolean, key: KeyAlgorithm): KeyPurposes {
  const bits = new Set<number>();
  const extended = new Set<string>();
  for (const usage of usages ?? []) {
    const bit = keyUsageBits.get(usage);
    const purpose = purposes.get(usage);
    if (bit !== undefined) bits.add(bit);
    else if (purpose !== undefined) extended.add(purpose);
    else throw new KeysteadError('InvalidUsage', `Usage ${JSON.stringify(usage.slice(0, 40))} is not known. Use one of: ${[...keyUsageBits.keys(), ...purposes.keys()].join(', ')}.`, 'stalled');
  }
  if (bits.size === 0 && extended.size === 0) for (const bit of isCA ? [DIGITAL_SIGNATURE] : [DIGITAL_SIGNATURE, KEY_ENCIPHERMENT]) bits.add(bit);
  if (isCA) bits.add(CERT_SIGN).add(CRL_SIGN);
  else if (bits.has(CERT_SIGN)) throw new KeysteadError('InvalidUsage', 'Usage "cert sign" needs isCA: true (RFC 5280 §4.2.1.9).', 'stalled');
  if (key.algorithm !== 'RSA') {
    bits.delete(KEY_ENCIPHERMENT);
    bits.delete(DATA_ENCIPHERMENT);
  }
  if ((bits.has(ENCIPHER_ONLY) || bits.has(DECIPHER_ONLY)) && !bits.has(KEY_AGREEMENT)) {
    throw new KeysteadError('InvalidUsage', 'Usages "encipher only" and "decipher only" mean something only with "key agreement".', 'stalled');
  }
  return { keyUsage: [...bits].toSorted((a, b) => a - b), extendedKeyUsage: [...extended] };
}

/** The words of what two extensions say; a purpose without a word stays an object identifier. */
export function describeKeyPurposes(found: KeyPurposes): string[] {
  return [...found.keyUsage.map((bit) => wordFor(keyUsageBits, bit)), ...found.extendedKeyUsage.map((purpose) => wordFor(purposes, purpose))];
}

function wordFor<Value>(words: ReadonlyMap<string, Value>, value: Value): string {
  return [...words].find(([, candidate]) => candidate === value)?.[0] ?? String(value);
}
