import { z } from 'zod';
import { cel, list, matching, rules, text } from './schema.ts';

/**
 * What may be asked for in a certificate: the X.509 side of VaultCertificate. Names are cert-manager's, upper bounds those
 * of RFC 5280 appendix A.1.
 */

const names = (max: number, description: string) => list(text(max).min(1), 8).optional().describe(description);

const subjectFields = {
  organizations: names(64, 'O'),
  organizationalUnits: names(64, 'OU'),
  countries: list(matching(/^[A-Za-z]{2}$/, 8, 'must be two letters (ISO 3166), such as DE'), 8).optional().describe('C, two letters (ISO 3166)'),
  provinces: names(128, 'ST'),
  localities: names(128, 'L'),
  streetAddresses: names(128, 'STREET'),
  postalCodes: names(40, 'postalCode'),
  serialNumber: text(64).min(1).optional().describe('serialNumber of the subject, not of the certificate'),
};

export const subject = rules(z.object(subjectFields),
  cel(Object.keys(subjectFields).map((field) => `(has(self.${field}) && size(self.${field}) > 0)`).join(' || '), 'an empty subject names nobody: set a field of it, or remove it'))
  .describe('Fields of the subject, beside commonName.');

/** A host name, with an underscore or a leading wildcard label allowed as CAs do (RFC 6125 section 6.4.3). */
const dnsName = rules(
  matching(/^([*][.])?[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?([.][A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?)*$/, 253,
    'must be a DNS name in ASCII, such as www.example.com; a wildcard only as the whole first label (*.example.com)'),
  cel("!self.matches('(^|[.])[0-9]+$')", 'looks like an address: put addresses into ipAddresses'),
);
const ipAddress = rules(text(45).min(2), cel('isIP(self)', 'must be an IPv4 or IPv6 address, without a prefix length'));
/** RFC 3986: a scheme and something after it; ASCII only, for the field is an IA5String. */
const uri = matching(/^[A-Za-z][-A-Za-z0-9+.]*:[!-~]+$/, 2048, 'must be a URI with its scheme, in ASCII, such as spiffe://example.com/web');
/** RFC 5280 section 4.2.1.6: an rfc822Name is an ASCII mailbox. */
const email = matching(/^[!-?A-~]+@[-A-Za-z0-9.]+$/, 320, 'must be a mailbox in ASCII, such as ann@example.com');

const otherName = z.object({
  oid: matching(/^[0-2]([.](0|[1-9][0-9]{0,30}))+$/, 128, 'must be an object identifier in numbers, such as 1.3.6.1.4.1.311.20.2.3').describe('Type, such as 1.3.6.1.4.1.311.20.2.3 for a user principal name.'),
  utf8Value: text(1024).min(1).describe('The value, written as a UTF8String.'),
});

export const alternativeNames = {
  dnsNames: list(dnsName, 100).optional().describe('DNS names; a wildcard may be the first label.'),
  ipAddresses: list(ipAddress, 100).optional().describe('IPv4 and IPv6 addresses.'),
  uris: list(uri, 32).optional().describe('URIs, such as SPIFFE ids.'),
  emailAddresses: list(email, 32).optional().describe('E-mail addresses (ASCII).'),
  otherNames: list(otherName, 16).optional().describe('Names of other types.'),
};

/** Key usages and extended key usages in cert-manager's words. */
export const usages = [
  'signing', 'digital signature', 'content commitment', 'key encipherment', 'key agreement', 'data encipherment', 'cert sign', 'crl sign',
  'encipher only', 'decipher only', 'any', 'server auth', 'client auth', 'code signing', 'email protection', 's/mime', 'ipsec end system',
  'ipsec tunnel', 'ipsec user', 'timestamping', 'ocsp signing', 'microsoft sgc', 'netscape sgc',
] as const;
export type Usage = (typeof usages)[number];

export const privateKey = rules(z.object({
  algorithm: z.enum(['RSA', 'ECDSA', 'Ed25519']).default('ECDSA').describe('Algorithm of the key.'),
  size: z.literal([256, 384, 521, 2048, 3072, 4096]).optional()
    .describe('RSA: 2048 (the default), 3072 or 4096 bits. ECDSA: 256 (the default), 384 or 521 for the NIST curves. Ed25519 has none.'),
  rotationPolicy: z.enum(['Always', 'Never']).default('Always').describe('Whether each certificate gets a new key, or all have the first one.'),
  exportable: z.boolean().default(true).describe('Whether the private key may leave the vault. If not, a target holds certificates only.'),
}), cel("!has(self.size) || (self.algorithm == 'RSA' ? self.size in [2048, 3072, 4096] : self.algorithm == 'ECDSA' && self.size in [256, 384, 521])",
  'size must be 2048, 3072 or 4096 with RSA, 256, 384 or 521 with ECDSA, and left out with Ed25519', '.size'))
  .transform((spec) => ({ ...spec, size: spec.size ?? { RSA: 2048, ECDSA: 256, Ed25519: 256 }[spec.algorithm] }))
  .describe('The key pair.');

/** RFC 5280 section 4.2.1.10: a domain stands for itself and all below it; a leading dot is cert-manager's way of saying "below". */
const domain = matching(/^[.]?[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?$/, 254, 'must be a domain in ASCII, such as example.com or .example.com; no wildcard');
const subtrees = (description: string) => z.object({
  dnsDomains: list(domain, 64).optional().describe('DNS domains.'),
  ipRanges: list(rules(text(50).min(3), cel('isCIDR(self)', 'must be a range like 10.0.0.0/8 or fd00::/8')), 64).optional().describe('Ranges of addresses.'),
  emailAddresses: list(matching(/^[!-~]+$/, 320, 'must be a mailbox, a host, or a domain with a leading dot, in ASCII'), 64).optional().describe('Mailboxes, hosts, or domains with a leading dot.'),
  uriDomains: list(domain, 64).optional().describe('Hosts of URIs, or domains with a leading dot.'),
}).describe(description);

export const ca = z.object({
  pathLength: z.int().min(0).max(10).optional().describe('How many CAs may come below this one. Default: no limit here.'),
  nameConstraints: rules(z.object({
    critical: z.boolean().default(true).describe('RFC 5280 demands a critical extension; only old software needs false.'),
    permitted: subtrees('Only names in these are allowed.').optional(),
    excluded: subtrees('Names in these are not allowed.').optional(),
  }), cel('has(self.permitted) || has(self.excluded)', 'name constraints need permitted or excluded: set one, or remove nameConstraints')).optional()
    .describe('Names that certificates below this CA may carry.'),
}).describe('What the CA may do; only with isCA.');
