import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, type webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../../runtime/clock.ts';

/** Certificates of a throw-away control plane only. What Keystead issues for users comes from src/crypto and src/issuers. */

export interface KeyAndCertificate {
  readonly certificatePem: string;
  /** PKCS#8. */
  readonly keyPem: string;
}

/** Who a certificate names. For a client, Kubernetes reads the user from the common name and the groups from the organizations. */
export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

/** The names by which a server may be called. */
export interface ServerNames {
  readonly dns: readonly string[];
  readonly addresses: readonly string[];
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
const LIFETIME_MS = 30 * 24 * HOUR_MS;

export async function createAuthority(commonName: string, clock: Clock): Promise<KeyAndCertificate> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(clock, { commonName }),
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

/** A client certificate: it says who somebody is, and can't be used to serve. */
export function issueClient(authority: KeyAndCertificate, subject: Subject, clock: Clock): Promise<KeyAndCertificate> {
  return issue(authority, subject, clock, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]);
}

/** A serving certificate, which can't be used to log in. */
export function issueServer(authority: KeyAndCertificate, commonName: string, names: ServerNames, clock: Clock): Promise<KeyAndCertificate> {
  return issue(authority, { commonName }, clock, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([
      ...names.dns.map((value) => ({ type: 'dns' as const, value })),
      ...names.addresses.map((value) => ({ type: 'ip' as const, value })),
    ]),
  ]);
}

/** The key pair that signs ServiceAccount tokens. */
export function createTokenKeys(): { privatePem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

async function issue(authority: KeyAndCertificate, subject: Subject, clock: Clock, extensions: x509.Extension[]): Promise<KeyAndCertificate> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...common(clock, subject),
    issuer: new x509.X509Certificate(authority.certificatePem).subjectName,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...extensions,
    ],
  });
  return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

function common(clock: Clock, subject: Subject) {
  const now = clock.now().getTime();
  // As a structure, not as text: a name such as `system:serviceaccount:a,b` needs no escaping then.
  const organizations = (subject.organizations ?? []).map((name) => ({ O: [name] }));
  const name = new x509.Name([...organizations, { CN: [subject.commonName] }]);
  return {
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    subject: name,
    // Back-dated, because the servers' clock may lag behind ours by a moment.
    notBefore: new Date(now - HOUR_MS),
    notAfter: new Date(now + LIFETIME_MS),
    signingAlgorithm: ALGORITHM,
  };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), ALGORITHM, false, ['sign']);
}
