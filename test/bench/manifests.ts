import { apiVersion } from '../../src/api/names.ts';

/** What the bench applies. As in samples: nothing is tuned for speed. */

export function namespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function vault(name: string): object {
  // The defaults hold a team's thousand objects, not a bench's ten thousand.
  return { apiVersion, kind: 'Vault', metadata: { name }, spec: { limits: { objects: 20_000, bytes: '512Mi' } } };
}

export function generatedSecret(name: string): object {
  return { apiVersion, kind: 'VaultSecret', metadata: { name }, spec: { vaultRef: { name: 'bench' }, generate: { password: {} }, target: {} } };
}

export function followingSecret(name: string, source: string): object {
  return { apiVersion, kind: 'VaultSecret', metadata: { name }, spec: { vaultRef: { name: 'bench' }, secretRef: { name: source }, target: {} } };
}

/** The label is its owner's consent to be followed. */
export function sourceSecret(name: string, value: string): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, labels: { 'keystead.dev/source': 'bench' } }, data: { value: Buffer.from(value).toString('base64') } };
}

export function foreignSecret(name: string, bytes: number): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { blob: Buffer.alloc(bytes, name).toString('base64') } };
}

export function selfSignedIssuer(name: string): object {
  return { apiVersion, kind: 'VaultIssuer', metadata: { name }, spec: { selfSigned: {} } };
}

export function caIssuer(name: string, certificateName: string): object {
  return { apiVersion, kind: 'VaultIssuer', metadata: { name }, spec: { ca: { vaultRef: { name: 'bench' }, certificateName } } };
}

export function caCertificate(name: string, issuer: string): object {
  return { apiVersion, kind: 'VaultCertificate', metadata: { name }, spec: { vaultRef: { name: 'bench' }, issuerRef: { name: issuer }, commonName: 'Bench CA', isCA: true, duration: '87600h' } };
}

/** ECDSA P-256, the default. */
export function certificate(name: string, issuer: string): object {
  return {
    apiVersion,
    kind: 'VaultCertificate',
    metadata: { name },
    spec: { vaultRef: { name: 'bench' }, issuerRef: { name: issuer }, commonName: name, dnsNames: [`${name}.bench.svc`], target: { name } },
  };
}

export function policy(name: string, namespaces: readonly string[]): object {
  return { apiVersion, kind: 'AccessPolicy', metadata: { name }, spec: { vaultRef: { name: 'bench' }, syncTo: namespaces } };
}
