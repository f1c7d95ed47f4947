// @peculiar/x509 needs the metadata API before its own first line.
import 'reflect-metadata';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Extension, Name } from '@peculiar/asn1-x509';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import type { KeyObject } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import { importPublicKey, keyAlgorithmOf, publicKeyThumbprint, type KeyAlgorithm } from '../keys.ts';
import { childElements } from './der.ts';
import { formatDistinguishedName } from './distinguished-name.ts';
import type { NameConstraints } from './name-constraints.ts';
import type { SubjectAltNames } from './names.ts';
import { readExtensions, readName, type ReadExtensions } from './read.ts';
import { isSignedBy } from './signature.ts';
import { describeKeyPurposes } from './usages.ts';

/*
 * A CSR that comes from outside is hostile: size first, then the library's parser, then strict DER, and only then the
 * signature. What it asks for is only a wish: whoever signs decides by policy, never by what the CSR says.
 */

/** A request has no more than a certificate; checked before anything is parsed. */
const LARGEST_CSR_BYTES = 36_500;

/** What a certificate signing request asks for, after its signature has been verified. */
export interface ParsedCsr {
  /** RFC 4514. */
  readonly subject: string;
  readonly sans: SubjectAltNames;
  readonly usages: readonly string[];
  readonly isCA: boolean;
  readonly pathLength: number | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly publicKey: KeyObject;
  readonly keyAlgorithm: KeyAlgorithm;
  readonly publicKeyThumbprint: string;
  readonly der: Buffer;
}

function invalid(message: string, cause?: unknown): KeysteadError {
  return new KeysteadError('InvalidCsr', message, 'stalled', { cause });
}

/**
 * Reads a request that somebody else made, and proves that he holds its private key.
 * @throws KeysteadError InvalidCsr; InvalidKey when its key is of a kind that Keystead does not certify
 */
export function parseCsr(input: string | Buffer): ParsedCsr {
  if (input.length > LARGEST_CSR_BYTES) throw invalid(`The CSR has ${input.length} bytes; at most ${LARGEST_CSR_BYTES} are read.`);
  const csr = decode(typeof input === 'string' ? derOf(input) : input);
  const publicKey = importPublicKey(csr.spki);
  // Not by @peculiar's verify(): that takes SHA-1, and is content with a frame that is no DER.
  if (!isSignedBy(csr.der, publicKey)) throw invalid('The CSR is not signed by the key that it names, or with SHA-1. Make it again with its own private key and SHA-256.');
  return {
    subject: csr.subject,
    sans: csr.extensions.sans,
    usages: describeKeyPurposes(csr.extensions.purposes),
    isCA: csr.extensions.isCA,
    pathLength: csr.extensions.pathLength,
    nameConstraints: csr.extensions.nameConstraints,
    publicKey,
    keyAlgorithm: keyAlgorithmOf(publicKey),
    publicKeyThumbprint: publicKeyThumbprint(publicKey),
    der: csr.der,
  };
}

function derOf(pem: string): Buffer {
  const [, base64 = ''] = /^\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/.exec(pem) ?? [];
  if (base64 === '') throw invalid('What was given is not one CSR in PEM ("CERTIFICATE REQUEST").');
  return Buffer.from(base64, 'base64');
}

interface DecodedCsr {
  readonly der: Buffer;
  readonly subject: string;
  readonly extensions: ReadExtensions;
  readonly spki: Buffer;
}

function decode(der: Buffer): DecodedCsr {
  try {
    const request = new Pkcs10CertificateRequest(der);
    childElements(der);
    return {
      der,
      subject: formatDistinguishedName(readName(AsnConvert.parse(request.subjectName.toArrayBuffer(), Name))),
      extensions: readExtensions(request.extensions.map((extension) => AsnConvert.parse(extension.rawData, Extension))),
      spki: Buffer.from(request.publicKey.rawData),
    };
  } catch (cause) {
    throw invalid('The CSR is damaged, or no PKCS#10 request (RFC 2986).', cause);
  }
}
