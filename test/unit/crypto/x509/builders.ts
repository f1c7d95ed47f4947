import type { KeyObject } from 'node:crypto';
import { KeysteadError } from '../../../../src/api/error.ts';
import { describeKeyAlgorithm, KeyGenerator, type KeyAlgorithm } from '../../../../src/crypto/keys.ts';
import { issue, newSerialNumber, type IssuedCertificate } from '../../../../src/crypto/x509/certificate.ts';
import { childElements } from '../../../../src/crypto/x509/der.ts';
import { loadIssuer, type CertificateIssuer } from '../../../../src/crypto/x509/issuer.ts';
import type { CertificateRequest } from '../../../../src/crypto/x509/request.ts';
import { systemRandom } from '../../../../src/runtime/random.ts';

/** Certificates for tests: a valid default, and the test states only what it is about. */

export const P256: KeyAlgorithm = { algorithm: 'ECDSA', curve: 'P-256' };
export const kinds: readonly KeyAlgorithm[] = [
  { algorithm: 'RSA', size: 2048 },
  { algorithm: 'RSA', size: 3072 },
  { algorithm: 'RSA', size: 4096 },
  P256,
  { algorithm: 'ECDSA', curve: 'P-384' },
  { algorithm: 'ECDSA', curve: 'P-521' },
  { algorithm: 'Ed25519' },
];

/** Real, because openssl compares with the machine's clock. */
export const NOW = new Date(Math.floor(performance.timeOrigin / 1000) * 1000);
export const DAY = 86_400_000;
export const after = (ms: number): Date => new Date(NOW.getTime() + ms);
export const keys = new KeyGenerator();

const rsaPool = new Map<string, KeyObject[]>();

/** A key that differs from the one made before it. RSA keys, which take up to seconds, are used again after that. */
export async function freshKey(kind: KeyAlgorithm): Promise<KeyObject> {
  if (kind.algorithm !== 'RSA') return keys.generate(kind);
  const pool = rsaPool.get(describeKeyAlgorithm(kind)) ?? [];
  rsaPool.set(describeKeyAlgorithm(kind), pool);
  const key = pool.length < 2 ? await keys.generate(kind) : (pool.shift() ?? (await keys.generate(kind)));
  pool.push(key);
  return key;
}

export interface Authority extends IssuedCertificate {
  readonly key: KeyObject;
  readonly issuer: CertificateIssuer;
}

type RequestParts = Partial<CertificateRequest>;
interface Times {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const times = (given: Times): Required<Times> => ({ notBefore: NOW, notAfter: after(30 * DAY), ...given });

/** A CA, self-signed, or signed by `above` (whose own checks are what the test may be about). */
export async function authority(commonName: string, parts: RequestParts & Times = {}, above?: CertificateIssuer): Promise<Authority> {
  const { notBefore, notAfter, ...request } = parts;
  const keyAlgorithm = request.keyAlgorithm ?? P256;
  const key = await freshKey(keyAlgorithm);
  const issued = issue({
    request: { subject: { commonName }, isCA: true, keyAlgorithm, ...request },
    publicKey: key,
    ...times({ ...(notBefore && { notBefore }), notAfter: notAfter ?? after(300 * DAY) }),
    serialNumber: newSerialNumber(systemRandom),
    issuer: above ?? { self: key },
  });
  const chainPem = above === undefined ? issued.pem : issued.chainPem + issued.caPem;
  return { ...issued, key, issuer: loadIssuer({ chainPem, privateKey: key, now: NOW }) };
}

/** A leaf of `issuer`, or self-signed. */
export async function leaf(parts: RequestParts & Times = {}, issuer?: CertificateIssuer): Promise<IssuedCertificate & { readonly key: KeyObject; readonly request: CertificateRequest }> {
  const { notBefore, notAfter, ...rest } = parts;
  const request: CertificateRequest = { dnsNames: ['www.example.com'], keyAlgorithm: P256, ...rest };
  const key = await freshKey(request.keyAlgorithm);
  const issued = issue({
    request,
    publicKey: key,
    ...times({ ...(notBefore && { notBefore }), ...(notAfter && { notAfter }) }),
    serialNumber: newSerialNumber(systemRandom),
    issuer: issuer ?? { self: key },
  });
  return { ...issued, key, request };
}

/** A certificate for `key`, which may be in use already; signed as `issuer` says, or by itself. */
export function certify(key: KeyObject, parts: RequestParts & Times, issuer?: CertificateIssuer): IssuedCertificate {
  const { notBefore = NOW, notAfter = after(30 * DAY), ...rest } = parts;
  const request = { keyAlgorithm: P256, ...rest };
  return issue({ request, publicKey: key, notBefore, notAfter, serialNumber: newSerialNumber(systemRandom), issuer: issuer ?? { self: key } });
}

/** Anything as an issuer, without asking whether it may be one. */
export function pretending({ facts, der, pem, caPem }: IssuedCertificate, privateKey: KeyObject): CertificateIssuer {
  const encodedSubject = childElements(childElements(der)[0] ?? der)[5] ?? der;
  const subjectKeyId = Buffer.from(facts.subjectKeyId ?? '', 'hex');
  return { privateKey, subject: facts.subject, encodedSubject, subjectKeyId, notAfter: facts.notAfter, pathLength: undefined, nameConstraints: [], intermediatesPem: pem, caPem };
}

/** The same issuer with its scruples removed, for making what it would refuse. */
export const unscrupulous = (issuer: CertificateIssuer): CertificateIssuer => ({ ...issuer, nameConstraints: [], pathLength: undefined, notAfter: after(100_000 * DAY) });

/** The result of `run`, or the KeysteadError that it throws or rejects with; anything else is thrown on and fails the test. */
export async function outcomeOf(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof KeysteadError) return error;
    throw error;
  }
}

/** The same without waiting, for properties. */
export function syncOutcomeOf<Result>(run: () => Result): Result | KeysteadError {
  try {
    return run();
  } catch (error) {
    if (error instanceof KeysteadError) return error;
    throw error;
  }
}

/** The code of the KeysteadError, or `no error`. */
export async function codeOf(run: () => unknown): Promise<string> {
  const outcome = await outcomeOf(run);
  return outcome instanceof KeysteadError ? outcome.code : 'no error';
}
