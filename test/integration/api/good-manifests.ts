import { accessPolicy, deletedVault, vault, vaultCertificate, vaultIssuer, vaultSecret, without, type Manifest } from './manifests.ts';

/** What it shows, and a manifest that the API server takes as it is. */
export type GoodManifest = readonly [what: string, manifest: Manifest];

/** `count` different values; with the largest manifests below they show that no rule runs out of the API server's budget. */
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));
const longName = (index: number): string => `${String(index).padStart(3, '0')}.${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(57)}`;
const map = (count: number, key: (index: number) => string, value: string) => Object.fromEntries(many(count, (index) => [key(index), value]));

const generate = (generator: object) => vaultSecret({ generate: generator });

export const goodVaults: readonly GoodManifest[] = [
  ['no spec: all defaults', vault()],
  ['spec: null: all defaults', vault(null)],
  ['the longest name', vault({}, 'a23456789012345678901234')],
  ['the shortest name', vault({}, 'a-1')],
  ['everything', vault({
    retentionDays: 7, purgeProtection: true, createMode: 'Recover', encryption: { rotationInterval: '2160h' },
    limits: { objects: 1, versionsPerObject: 1, bytes: '1Gi' },
  })],
  ['bytes as a number', vault({ limits: { bytes: 65_536 } })],
];

export const goodDeletedVaults: readonly GoodManifest[] = [['as the operator makes it', deletedVault()]];

export const goodVaultSecrets: readonly GoodManifest[] = [
  ['no source: set through the data plane', vaultSecret()],
  ['a name with dots and an object name', vaultSecret({ objectName: 'db-password' }, 'db.password')],
  ['the longest object name', vaultSecret({ objectName: 'A'.repeat(127) })],
  ['a password', generate({ password: {} })],
  ['a password with every option', generate({ password: { length: 62, digits: 10, symbols: 0, symbolCharacters: '!', noUpper: false, allowRepeat: false } })],
  ['a password of digits', generate({ password: { length: 12, digits: 12, symbols: 0 } })],
  ['a password with quotes, a backslash and brackets', generate({ password: { symbolCharacters: '"\'\\[]{}`' } })],
  ['a UUID with rotation', generate({ uuid: {}, rotation: { interval: '1m' } })],
  ['bytes in hex', generate({ bytes: { length: 1024, encoding: 'hex' } })],
  ['an SSH key by default', generate({ sshKey: {} })],
  ['an RSA SSH key', generate({ sshKey: { type: 'rsa', bits: 4096, comment: 'ann@example.com, laptop' } })],
  ['an ECDSA SSH key', generate({ sshKey: { type: 'ecdsa', bits: 521 } })],
  ['an RSA key pair', generate({ keyPair: { algorithm: 'RSA', size: 2048 } })],
  ['an EC key pair', generate({ keyPair: { curve: 'P-521' } })],
  ['basic authentication', generate({ basicAuth: { username: 'ann', password: { length: 72 } } })],
  ['a source Secret, all keys', vaultSecret({ secretRef: { name: 'source.v1' } })],
  ['a source Secret, one key', vaultSecret({ secretRef: { name: 'source', key: '.dockerconfigjson' } })],
  ['everything beside the value', vaultSecret({
    objectName: 'DB', createMode: 'Recover', adopt: true, deletionPolicy: 'Retain', contentType: 'application/json', versionsToKeep: 3,
    attributes: { enabled: false, notBefore: '2030-01-01T00:00:00Z', expires: '2030-01-01T02:00:00+01:00' },
    tags: Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`tag ${index}`, 'ä'.repeat(256)])),
  })],
];

export const goodTargets: readonly GoodManifest[] = [
  ['the default target', vaultSecret({ target: {} })],
  ['another namespace', vaultSecret({ target: { name: 'db', namespace: 'team-b' } })],
  ['a namespace that only contains kube-', vaultSecret({ target: { namespace: 'my-kube-tools' } })],
  ['a template', vaultSecret({
    target: {
      template: { data: { 'config.yaml': 'password: {{ value }}', '.env': 'P={{ value }}' }, labels: { 'app.example.com/part': 'db', team: 'a' }, annotations: { note: 'x' } },
    },
  })],
  ['domains that only look reserved', vaultSecret({ target: { template: { labels: { 'mykubernetes.io/a': 'b', 'notk8s.io/a': 'b', 'keystead.dev.example.com/a': 'b' } } } })],
  ['Merge, which keeps by default', vaultSecret({ target: { creationPolicy: 'Merge' } })],
  ['Orphan and immutable', vaultSecret({ target: { creationPolicy: 'Orphan', immutable: true, deletionPolicy: 'Delete' } })],
  ['a registry Secret', vaultSecret({ target: { type: 'kubernetes.io/dockerconfigjson', template: { data: { '.dockerconfigjson': '{}' } } } })],
  ['a typed Secret whose keys come from the value', vaultSecret({ secretRef: { name: 'source' }, target: { type: 'kubernetes.io/tls' } })],
  ['the largest', vaultSecret({
    generate: { password: { length: 256, symbolCharacters: '!'.repeat(32) } }, tags: map(15, (index) => `${index}${'t'.repeat(250)}`, 'x'.repeat(256)),
    target: {
      template: {
        data: map(64, (index) => `${index}${'k'.repeat(250)}`, '{{ value }}'.repeat(100)), labels: map(32, (index) => `${'d'.repeat(50)}.example.com/${index}`, 'x'),
        annotations: map(32, (index) => `${'d'.repeat(50)}.example.com/${index}`, 'x'.repeat(4096)),
      },
      restart: many(16, (index) => ({ kind: 'Deployment', name: longName(index) })),
    },
  })],
  ['restarts', vaultSecret({ target: { restart: [{ kind: 'Deployment', name: 'web' }, { kind: 'StatefulSet', name: 'db' }, { kind: 'DaemonSet', name: 'log' }] } })],
];

export const goodVaultCertificates: readonly GoodManifest[] = [
  ['the least', vaultCertificate()],
  ['only an alternative name', { ...without(vaultCertificate({ dnsNames: ['*.example.com'] }), 'commonName') }],
  ['empty lists beside a name', vaultCertificate({ dnsNames: [], usages: ['key agreement', 'decipher only'] })],
  ['every kind of name', vaultCertificate({
    subject: { organizations: ['Example'], organizationalUnits: ['Web'], countries: ['DE'], provinces: ['Bayern'], localities: ['München'], streetAddresses: ['Weg 1'], postalCodes: ['80331'], serialNumber: '42' },
    dnsNames: ['example.com', '*.example.com', '_sip.example.com', 'localhost'], ipAddresses: ['10.0.0.1', '2001:db8::1'], uris: ['spiffe://example.com/web'],
    emailAddresses: ['ann+x@example.com'], otherNames: [{ oid: '1.3.6.1.4.1.311.20.2.3', utf8Value: 'ann@example.com' }],
  })],
  ['a literal subject', without(vaultCertificate({ literalSubject: 'CN=db,OU=Team,O=Example,C=DE' }), 'commonName')],
  ['a short life', vaultCertificate({ duration: '10s', renewBefore: '5s' })],
  ['renewal by percentage', vaultCertificate({ duration: '1h30m', renewBeforePercentage: 33 })],
  ['durations as cert-manager writes them', vaultCertificate({ duration: '2160h0m0s', renewBefore: '360h0m0s' })],
  ['RSA', vaultCertificate({ privateKey: { algorithm: 'RSA', size: 3072, rotationPolicy: 'Never' }, usages: ['digital signature', 'key encipherment', 'server auth'] })],
  ['Ed25519', vaultCertificate({ privateKey: { algorithm: 'Ed25519' } })],
  ['a key that stays in the vault', vaultCertificate({ privateKey: { exportable: false }, target: { type: 'Opaque' } })],
  ['a CA', vaultCertificate({
    isCA: true, usages: ['cert sign', 'crl sign'], duration: '87600h',
    ca: { pathLength: 0, nameConstraints: { permitted: { dnsDomains: ['example.com', '.internal'], ipRanges: ['10.0.0.0/8', 'fd00::/8'] }, excluded: { emailAddresses: ['.example.org'], uriDomains: ['example.net'] } } },
  })],
  ['the largest', vaultCertificate({
    dnsNames: many(100, longName), ipAddresses: many(100, (index) => `2001:db8:1111:2222:3333:4444:5555:${index}`), uris: many(32, (index) => `spiffe://example.com/${index}/${'p'.repeat(2000)}`),
    emailAddresses: many(32, (index) => `${index}${'m'.repeat(60)}@${'e'.repeat(63)}.example.com`), otherNames: many(16, (index) => ({ oid: `1.3.6.1.4.1.${'3'.repeat(30)}.${index}`, utf8Value: 'v'.repeat(1024) })),
    isCA: true, ca: { nameConstraints: { permitted: { dnsDomains: many(64, longName), ipRanges: many(64, (index) => `2001:db8:${index}::/48`), uriDomains: many(64, longName) }, excluded: { dnsDomains: many(64, longName), emailAddresses: many(64, longName) } } },
  })],
  ['an issuer of another namespace and a target', vaultCertificate({ issuerRef: { name: 'org-ca', namespace: 'pki' }, target: { name: 'web-tls' }, versionsToKeep: 3 })],
];

export const goodVaultIssuers: readonly GoodManifest[] = [
  ['self-signed', vaultIssuer()],
  ['a CA', vaultIssuer({ ca: { vaultRef: { name: 'shop' }, certificateName: 'Own-CA' } })],
  ['a CA of CAs for some namespaces', vaultIssuer({
    ca: { vaultRef: { name: 'shop' }, certificateName: 'root', allowSubordinates: true, maxPathLength: 1 },
    allowedNamespaces: { from: 'Selector', selector: { matchLabels: { 'example.com/team': 'a' }, matchExpressions: [{ key: 'env', operator: 'In', values: ['prod'] }, { key: 'old', operator: 'DoesNotExist' }] } },
  })],
];

export const goodAccessPolicies: readonly GoodManifest[] = [
  ['only syncTo', accessPolicy()],
  ['permissions for everybody that a policy can name', accessPolicy({
    permissions: { secrets: ['get', 'list'], keys: ['sign', 'getrotationpolicy'], certificates: ['all'] },
    subjects: [{ kind: 'ServiceAccount', name: 'web', namespace: 'team-a' }, { kind: 'User', name: 'ann@example.com' }, { kind: 'Group', name: 'system:serviceaccounts:team-a' }],
  })],
  ['roles on some objects', accessPolicy({ roles: ['Key Vault Secrets User', 'Key Vault Crypto Service Encryption User'], subjects: [{ kind: 'User', name: 'ann' }], objects: { names: ['db'], prefixes: ['web-'] } })],
  ['the largest', accessPolicy({
    roles: ['Key Vault Reader'], subjects: many(128, (index) => ({ kind: 'User', name: `${index}${'u'.repeat(500)}` })),
    objects: { names: many(256, (index) => `${index}${'n'.repeat(120)}`), prefixes: many(64, (index) => `${index}${'n'.repeat(120)}`) }, syncTo: many(128, (index) => `${index}${'s'.repeat(60)}`),
  })],
  ['a Deny with syncTo', accessPolicy({ effect: 'Deny', roles: ['Key Vault Administrator'], subjects: [{ kind: 'User', name: 'mal' }], syncTo: ['team-c'] })],
];

const written = (outputs: object, spec: object = {}) => vaultCertificate({ target: outputs, ...spec });

export const goodOutputs: readonly GoodManifest[] = [
  ["cert-manager's fields", written({
    additionalOutputFormats: [{ type: 'DER' }, { type: 'CombinedPEM' }],
    keystores: { jks: { create: true, alias: 'certificate', passwordSecretRef: { name: 'store', key: 'password' } }, pkcs12: { create: true, profile: 'Modern2023', passwordSecretRef: { name: 'store', key: 'password' } } },
  })],
  ['everything under names of its own', written({
    additionalOutputFormats: [{ type: 'DER', key: 'a' }, { type: 'CombinedPEM', key: 'b' }, { type: 'CertificateDER', key: 'c' }],
    keystores: { jks: { keystoreKey: 'd', truststoreKey: 'e' }, pkcs12: { keystoreKey: 'f', truststoreKey: 'g' }, passwordKey: 'h', passwordRevision: 2 },
  })],
  ['names that are free because the template names others', written({ keystores: { pkcs12: { keystoreKey: 'tls.p12' } }, type: 'Opaque', template: { data: map(64, (index) => `${index}-${'k'.repeat(240)}`, 'x') } })],
  ['two stores under one name, of which one is not made', written({ keystores: { pkcs12: { keystoreKey: 'keystore.jks', create: false }, jks: {} } })],
  ['truststores of a certificate that keeps its key', written({ type: 'Opaque', additionalOutputFormats: [{ type: 'CertificateDER' }], keystores: { pkcs12: {} } }, { privateKey: { exportable: false } })],
];
