import type { KeyObject } from 'node:crypto';
import { KeyGenerator } from '../../src/crypto/keys.ts';
import { issue, newSerialNumber, type IssuedCertificate } from '../../src/crypto/x509/certificate.ts';
import { parseCsr } from '../../src/crypto/x509/csr.ts';
import { loadIssuer, type CertificateIssuer } from '../../src/crypto/x509/issuer.ts';
import type { CertificateRequest } from '../../src/crypto/x509/request.ts';
import { systemRandom } from '../../src/runtime/random.ts';

const DAY_MS = 86_400_000;
const keys = new KeyGenerator();

export interface Signing extends Partial<CertificateRequest> {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A company's CA: a root, and an intermediate that signs whatever it is told to. */
export class OutsideCa {
  readonly rootPem: string;
  readonly intermediatePem: string;
  readonly #issuer: CertificateIssuer;
  readonly #now: () => Date;

  private constructor(root: IssuedCertificate, intermediate: IssuedCertificate, issuer: CertificateIssuer, now: () => Date) {
    this.rootPem = root.pem;
    this.intermediatePem = intermediate.pem;
    this.#issuer = issuer;
    this.#now = now;
  }

  static async make(now: () => Date, name = 'Company'): Promise<OutsideCa> {
    const [rootKey, key] = [await keys.generate({ algorithm: 'ECDSA', curve: 'P-256' }), await keys.generate({ algorithm: 'ECDSA', curve: 'P-256' })];
    const root = authority(`${name} Root`, rootKey, { self: rootKey }, now());
    const above = loadIssuer({ chainPem: root.pem, privateKey: rootKey, now: now() });
    const intermediate = authority(`${name} Issuing CA`, key, above, now());
    return new OutsideCa(root, intermediate, loadIssuer({ chainPem: intermediate.pem + root.pem, privateKey: key, now: now() }), now);
  }

  /** What comes back for a CSR: the leaf alone. */
  sign(csr: string, signing: Signing = {}): string {
    const { publicKey, keyAlgorithm, sans } = parseCsr(csr);
    return this.certify(publicKey, { keyAlgorithm, ...sans, ...signing });
  }

  /** The same for any key. */
  certify(publicKey: KeyObject, { notBefore = this.#now(), notAfter = new Date(notBefore.getTime() + 30 * DAY_MS), ...request }: Signing): string {
    return issue({ request: { keyAlgorithm: { algorithm: 'ECDSA', curve: 'P-256' }, ...request }, publicKey, notBefore, notAfter, serialNumber: newSerialNumber(systemRandom), issuer: this.#issuer }).pem;
  }
}

function authority(commonName: string, key: KeyObject, issuer: CertificateIssuer | { readonly self: KeyObject }, now: Date): IssuedCertificate {
  return issue({
    request: { subject: { commonName }, isCA: true, keyAlgorithm: { algorithm: 'ECDSA', curve: 'P-256' } },
    publicKey: key,
    notBefore: now,
    notAfter: new Date(now.getTime() + 3650 * DAY_MS),
    serialNumber: newSerialNumber(systemRandom),
    issuer,
  });
}
