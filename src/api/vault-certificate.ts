import { z } from 'zod';
import type { CustomResource } from './crd.ts';
import { duration } from './duration.ts';
import type { KeysteadError } from './error.ts';
import { commonStatus, vaultRef, type KubeObject } from './meta.ts';
import { objectFields, objectNameRules, objectSpecRules } from './object.ts';
import { parseSpec } from './parse.ts';
import { atMostOne, cel, dateTime, dnsLabel, dnsSubdomain, list, rules, text } from './schema.ts';
import { outputSpecRules } from './outputs.ts';
import { certificateTarget, resolveTarget, type CertificateTarget } from './target.ts';
import { alternativeNames, ca, privateKey, subject, usages, type Usage } from './x509-request.ts';

const issuerRef = z.object({
  name: dnsSubdomain().describe('Name of a VaultIssuer.'),
  namespace: dnsLabel().optional().describe('Its namespace, if its allowedNamespaces let this one in. Default: the same namespace.'),
}).describe('Who signs. A change issues the certificate anew.');

/** An empty list, as Helm templates are apt to leave behind, names nobody. */
const hasSubject = 'has(self.commonName) || has(self.subject) || has(self.literalSubject)';
const hasAlternativeName = Object.keys(alternativeNames).map((field) => `(has(self.${field}) && size(self.${field}) > 0)`).join(' || ');
const hasUsage = (usage: Usage): string => `(has(self.usages) && '${usage}' in self.usages)`;

const specRules = [
  cel(`${hasSubject} || ${hasAlternativeName}`, 'a certificate must name somebody: set commonName, subject, literalSubject or one of the alternative names'),
  cel(`!self.isCA || ${hasSubject}`, 'a CA certificate needs a subject (RFC 5280 4.1.2.6): set commonName, subject or literalSubject'),
  cel(`self.isCA || !${hasUsage('cert sign')}`, 'only a CA signs certificates: set isCA: true, or remove the usage cert sign', '.usages'),
  cel(`${hasUsage('key agreement')} || !(${hasUsage('encipher only')} || ${hasUsage('decipher only')})`,
    'encipher only and decipher only mean something only with key agreement (RFC 5280 4.2.1.3): add that usage, or remove them', '.usages'),
  cel('!has(self.literalSubject) || (!has(self.commonName) && !has(self.subject))', 'literalSubject is the whole subject: remove commonName and subject, or literalSubject', '.literalSubject'),
  cel('self.isCA || !has(self.ca)', 'ca is for CA certificates: set isCA: true, or remove ca', '.ca'),
  atMostOne(['renewBefore', 'renewBeforePercentage'], 'set renewBefore or renewBeforePercentage, not both'),
  cel('!has(self.renewBefore) || duration(self.renewBefore) < duration(self.duration)', 'renewBefore must be shorter than duration, or the certificate would be renewed for ever', '.renewBefore'),
  cel("!has(self.target) || self.privateKey.exportable || self.target.type == 'Opaque'",
    'a key that is not exportable cannot be in a Secret: set target.type: Opaque to sync the certificates only, or privateKey.exportable: true', '.target.type'),
  ...outputSpecRules,
  ...objectSpecRules,
];

export const vaultCertificateSpec = rules(z.object({
  vaultRef,
  ...objectFields,
  issuerRef,
  commonName: text(64).min(1).optional().describe('CN of the subject; at most 64 characters (RFC 5280).'),
  subject: subject.optional(),
  literalSubject: text(4096).min(1).optional().describe('The whole subject as RFC 4514 writes it, such as CN=db,OU=Team,O=Example,C=DE; instead of commonName and subject.'),
  ...alternativeNames,
  // Ten seconds, not cert-manager's hour: renewal before one's eyes is how the demo and the tests show that it works, and
  // the limit on issues counts the renewals that a duration plans, so that a short one harms nobody.
  duration: duration('10s', 'For how long the certificate is asked for; the issuer may give less.').default('2160h'),
  renewBefore: duration('1s', 'How long before its end the certificate is renewed. Default: when a third of its real lifetime is left, half when that is shorter than 10 days.').optional(),
  renewBeforePercentage: z.int().min(1).max(99).optional().describe('The same, as per cent of the real lifetime that are left.'),
  privateKey: privateKey.prefault({}),
  usages: list(z.enum(usages), usages.length, 'set').optional()
    .describe('Key usages and extended key usages. Default: digital signature; with RSA also key encipherment. A CA gets cert sign and crl sign in any case.'),
  isCA: z.boolean().default(false).describe('Asks for a CA certificate; the issuer must allow it.'),
  ca: ca.optional(),
  versionsToKeep: z.int().min(1).max(1000).default(10).describe('How many versions are kept when a new one is issued; older ones are destroyed.'),
  target: certificateTarget().optional(),
}), ...specRules);

export type VaultCertificateSpecInput = z.input<typeof vaultCertificateSpec>;

/** After defaulting; what hangs on the resource or on other fields is filled in too. */
export type VaultCertificateSpec = Omit<z.output<typeof vaultCertificateSpec>, 'target' | 'objectName' | 'usages' | 'issuerRef'> & {
  readonly objectName: string;
  readonly target: CertificateTarget | undefined;
  readonly usages: readonly Usage[];
  readonly issuerRef: { readonly name: string; readonly namespace: string };
};

export const vaultCertificateStatus = z.object({
  ...commonStatus,
  objectName: text(127).optional().describe('Name of the object in the vault.'),
  version: text(64).optional().describe('The current version.'),
  revision: z.int().min(0).optional().describe('How many certificates have been issued.'),
  serialNumber: text(64).optional().describe('Serial number, in hex.'),
  thumbprint: text(64).optional().describe('SHA-256 of the certificate, in hex.'),
  notBefore: dateTime('Valid from.').optional(),
  notAfter: dateTime('Valid until.').optional(),
  renewalTime: dateTime('When it will be renewed.').optional(),
  failedAttempts: z.int().min(0).optional().describe('Failed attempts since the last success.'),
  nextAttempt: dateTime('When a failed attempt is tried again.').optional(),
  pending: z.object({
    state: z.enum(['inProgress', 'completed', 'cancelled', 'failed']).describe('As in Key Vault.'),
    requestedAt: dateTime('When it was opened.').optional(),
    error: text(4096).optional().describe("The issuer's own words on failure."),
  }).optional().describe('The issuing operation that is under way, or the last one.'),
  target: text(320).optional().describe('The Secret that is in step with the current version, as <namespace>/<name>.'),
}).describe('What the operator found. Only the operator writes it, and it is never read back as truth.');
export type VaultCertificateStatus = z.output<typeof vaultCertificateStatus>;

export type VaultCertificate = KubeObject<VaultCertificateSpecInput, VaultCertificateStatus>;

/** Reads a VaultCertificate's spec, with all defaults filled in. */
export function parseVaultCertificate(object: KubeObject<unknown, unknown>): VaultCertificateSpec | KeysteadError {
  const spec = parseSpec(vaultCertificateSpec, object);
  return spec instanceof Error ? spec : {
    ...spec,
    objectName: spec.objectName ?? object.metadata.name,
    target: spec.target === undefined ? undefined : resolveTarget(spec.target, object.metadata),
    usages: resolveUsages(spec.usages, spec.isCA, spec.privateKey.algorithm),
    issuerRef: { name: spec.issuerRef.name, namespace: spec.issuerRef.namespace ?? object.metadata.namespace ?? '' },
  };
}

/** Only RSA keys can encipher keys (RFC 8410 section 5, RFC 5480 section 3); a CA without cert sign would be none (RFC 5280 4.2.1.3). */
function resolveUsages(written: readonly Usage[] | undefined, isCA: boolean, algorithm: string): readonly Usage[] {
  const asked: readonly Usage[] = written ?? (algorithm === 'RSA' && !isCA ? ['digital signature', 'key encipherment'] : ['digital signature']);
  return isCA ? [...new Set<Usage>([...asked, 'cert sign', 'crl sign'])] : asked;
}

export const vaultCertificate: CustomResource = {
  kind: 'VaultCertificate', plural: 'vaultcertificates', singular: 'vaultcertificate', shortNames: ['kvc'], scope: 'Namespaced',
  description: 'A certificate with its key in a vault, renewed before it ends; and where it is synced to.',
  spec: vaultCertificateSpec, status: vaultCertificateStatus, withoutSpec: 'required',
  rules: objectNameRules,
  selectableFields: ['.spec.vaultRef.name', '.spec.issuerRef.name'],
  columns: [
    { name: 'Vault', type: 'string', jsonPath: '.spec.vaultRef.name' },
    { name: 'Issuer', type: 'string', jsonPath: '.spec.issuerRef.name' },
    { name: 'Target', type: 'string', jsonPath: '.status.target' },
    { name: 'Not after', type: 'string', jsonPath: '.status.notAfter' },
    { name: 'Renewal', type: 'string', jsonPath: '.status.renewalTime', priority: 1 },
    { name: 'Revision', type: 'integer', jsonPath: '.status.revision', priority: 1 },
  ],
};
