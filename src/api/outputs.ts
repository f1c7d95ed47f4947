import { z } from 'zod';
import { cel, dnsSubdomain, list, matching, type CelRule } from './schema.ts';

/**
 * Further keys of a certificate's target, beside tls.crt, tls.key and ca.crt: other encodings, and keystores of Java and
 * Windows programs. Names are cert-manager's; under `target` rather than `spec`, for they are about the Secret alone.
 */

const secretKey = () => matching(/^[-._a-zA-Z0-9]+$/, 253, "must be a key of a Secret: letters, digits, '-', '_' and '.'");

/** Encodings beside PEM, and the key of the Secret where none is chosen. */
export const formatKeys = { DER: 'key.der', CombinedPEM: 'tls-combined.pem', CertificateDER: 'tls.der' } as const;
type Format = keyof typeof formatKeys;
const formats: readonly [Format, ...Format[]] = ['DER', 'CombinedPEM', 'CertificateDER'];

const additionalOutputFormats = list(z.object({
  type: z.enum(formats).describe('DER: the private key (PKCS#8), as key.der. CombinedPEM: private key and chain in one text, as tls-combined.pem. CertificateDER: the certificate without its chain, as tls.der.'),
  key: secretKey().optional().describe('Another key of the Secret.'),
}), formats.length, { map: ['type'] });

const passwordSecretRef = z.object({
  name: dnsSubdomain().describe('Name of a Secret of this namespace that carries the label keystead.dev/source: <vault>.'),
  key: secretKey().describe('Key of that Secret.'),
}).describe('Where the password comes from; a change of it is followed. Default: one is made, and written beside the keystore under passwordKey.');

/** Java finds an entry only by its alias in lower case. */
const alias = () => matching(/^[a-z0-9]([-a-z0-9._ ]*[a-z0-9])?$/, 64, "must be lower-case letters, digits, '-', '.', '_' and spaces, beginning and ending with a letter or digit");

function storeFields(what: string, extension: string) {
  return {
    create: z.boolean().default(true).describe('False writes none, as if the field were left out.'),
    passwordSecretRef: passwordSecretRef.optional(),
    alias: alias().default('certificate').describe('Name of the entry with the private key.'),
    keystoreKey: secretKey().default(`keystore.${extension}`).describe(`Key of the Secret for the ${what} file with private key and chain. Not written when the private key is not exportable.`),
    truststoreKey: secretKey().default(`truststore.${extension}`).describe(`Key of the Secret for the ${what} file with the roots of ca.crt.`),
  };
}

const keystores = z.object({
  pkcs12: z.object({
    ...storeFields('PKCS#12', 'p12'),
    profile: z.enum(['Modern2023', 'Modern2026', 'LegacyDES']).default('Modern2023')
      .describe('Modern2023: AES-256 and SHA-256; read by OpenSSL 1.1.1, Java 12 and newer. Modern2026: the same with PBMAC1 (RFC 9579); OpenSSL 3.4, Java 26 and newer. LegacyDES: 3DES and SHA-1, for older readers only.'),
  }).optional().describe('PKCS#12 files, for OpenSSL, Java, .NET and Windows.'),
  jks: z.object(storeFields('JKS', 'jks')).optional().describe('Files of the old format of Java. It protects little; use pkcs12 wherever the program can read it.'),
  passwordKey: secretKey().default('keystore.password').describe('Key of the Secret for the password that is made for keystores without passwordSecretRef. It stays the same when the certificate is renewed.'),
  passwordRevision: z.int().min(1).max(1_000_000).default(1).describe('Another number makes another password.'),
}).describe('Keystores, each with a truststore.');

/** Fields of a certificate's target. */
export const outputFields = {
  additionalOutputFormats: additionalOutputFormats.optional().describe('The certificate and its key in other encodings.'),
  keystores: keystores.optional(),
};

const outputs = z.object(outputFields);
/** After defaulting. */
export type Outputs = z.output<typeof outputs>;

const stores = ['pkcs12', 'jks'] as const;
const hasStore = (store: string): string => `(has(self.keystores) && has(self.keystores.${store}) && self.keystores.${store}.create)`;
const makesPassword = stores.map((store) => `(${hasStore(store)} && !has(self.keystores.${store}.passwordSecretRef))`).join(' || ');
const formatKey = formats.slice(1).reduce((rest, format) => `f.type == '${format}' ? '${formatKeys[format]}' : (${rest})`, `'${formatKeys[formats[0]]}'`);
/** All keys that the outputs take. */
const outputKeys = [
  `(has(self.additionalOutputFormats) ? self.additionalOutputFormats.map(f, has(f.key) ? f.key : (${formatKey})) : [])`,
  ...stores.map((store) => `(${hasStore(store)} ? [self.keystores.${store}.keystoreKey, self.keystores.${store}.truststoreKey] : [])`),
  `(${makesPassword} ? [self.keystores.passwordKey] : [])`,
].join(' + ');

/** On the target: each key of the Secret holds one thing. */
export const outputRules: readonly CelRule[] = [
  cel(`(${outputKeys}).all(k, (${outputKeys}).exists_one(o, o == k))`, 'two outputs have the same key of the Secret: choose another one for one of them'),
  cel(`(${outputKeys}).all(k, has(self.template) && has(self.template.data) ? !(k in self.template.data) : !(k in ['tls.crt', 'tls.key', 'ca.crt']))`,
    'an output has a key of the Secret that is taken by the certificate or by template.data: choose another one'),
];

/** On the whole spec: what holds a private key needs one that may leave the vault. */
export const outputSpecRules: readonly CelRule[] = [
  cel("!has(self.target) || !has(self.target.additionalOutputFormats) || self.privateKey.exportable || self.target.additionalOutputFormats.all(f, f.type == 'CertificateDER')",
    'a key that is not exportable cannot be in a Secret: remove the formats DER and CombinedPEM, or set privateKey.exportable: true', '.target.additionalOutputFormats'),
];

/** Keys `namespace/name` of the Secrets that passwords of keystores come from, of a resource as the API server has it. */
export function passwordSources(namespace: string, target: { readonly keystores?: PasswordSources | undefined } | undefined): readonly string[] {
  const names = stores.flatMap((store) => target?.keystores?.[store]?.passwordSecretRef?.name ?? []);
  return [...new Set(names)].map((name) => `${namespace}/${name}`);
}

type PasswordSources = Readonly<Partial<Record<(typeof stores)[number], { readonly passwordSecretRef?: { readonly name: string } | undefined } | undefined>>>;
