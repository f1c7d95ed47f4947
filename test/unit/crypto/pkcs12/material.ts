import type { KeyAlgorithm } from '../../../../src/crypto/keys.ts';
import { exportPrivateKeyDer, exportPublicKey } from '../../../../src/crypto/keys.ts';
import type { Pkcs12Contents } from '../../../../src/crypto/pkcs12/write.ts';
import { parsePemCertificates } from '../../../../src/crypto/x509/pem.ts';
import { authority, leaf, P256 } from '../x509/builders.ts';

/** A leaf with its key below one intermediate, and what keystores are made from. */
export interface KeystoreMaterial {
  readonly entry: NonNullable<Pkcs12Contents['entry']>;
  readonly trusted: Pkcs12Contents['trusted'];
  readonly publicKeyPem: string;
}

export async function keystoreMaterial(keyAlgorithm: KeyAlgorithm = P256): Promise<KeystoreMaterial> {
  const root = await authority('Root');
  const intermediate = await authority('Intermediate', {}, root.issuer);
  const made = await leaf({ keyAlgorithm, subject: { commonName: 'www.example.com' } }, intermediate.issuer);
  const other = await authority('Second root');
  return {
    entry: { alias: 'certificate', privateKey: exportPrivateKeyDer(made.key), chain: parsePemCertificates(made.chainPem).map(({ raw }) => raw) },
    trusted: [{ alias: 'ca', certificate: root.der }, { alias: 'ca-2', certificate: other.der }],
    publicKeyPem: exportPublicKey(made.key),
  };
}
