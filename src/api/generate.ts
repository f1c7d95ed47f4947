import { z } from 'zod';
import { duration } from './duration.ts';
import { cel, exactlyOne, matching, rules } from './schema.ts';

/**
 * `spec.generate` of a VaultSecret: values that Keystead makes itself, so that nobody ever has to see or carry them.
 * A generator gives either one value or several fields; each description says which.
 */

/** Printable ASCII without space: what a password can hold everywhere. */
const symbols = matching(/^[!-/:-@[-`{-~]{1,32}$/, 32, 'must be ASCII symbols: no letters, digits, spaces or other scripts');

function passwordFields(maxLength: number) {
  return {
    length: z.int().min(12).max(maxLength).default(32).describe('How many characters.'),
    digits: z.int().min(0).max(maxLength).optional().describe('How many of them are digits. Default: a quarter, rounded down.'),
    symbols: z.int().min(0).max(maxLength).optional().describe('How many of them are symbols. Default: a quarter, rounded down.'),
    symbolCharacters: symbols.default('!#%*+-./:=?@_~^,')
      .describe('Which symbols; the default has none that a shell, a URL or YAML quotes would stumble over in quotes.'),
    noUpper: z.boolean().default(false).describe('No upper-case letters.'),
    allowRepeat: z.boolean().default(true).describe('Whether a character may come more than once.'),
  };
}

const count = (field: string) => `(has(self.${field}) ? self.${field} : self.length / 4)`;
const letters = `self.length - ${count('digits')} - ${count('symbols')}`;

const passwordRules = [
  cel(`${count('digits')} + ${count('symbols')} <= self.length`, 'digits and symbols together must not be more than length'),
  cel(`self.allowRepeat || (${count('digits')} <= 10 && ${count('symbols')} <= size(self.symbolCharacters) && ${letters} <= (self.noUpper ? 26 : 52))`,
    'without repeats there are not enough different characters: set allowRepeat, or ask for fewer digits, symbols or letters'),
];

/** Fills in the counts that hang on `length`. */
function withCounts<T extends { length: number; digits?: number | undefined; symbols?: number | undefined }>(spec: T) {
  const quarter = Math.floor(spec.length / 4);
  return { ...spec, digits: spec.digits ?? quarter, symbols: spec.symbols ?? quarter };
}

const password = rules(z.object(passwordFields(256)), ...passwordRules)
  .transform(withCounts).describe('A random password; one value.');

/** bcrypt reads no more than 72 bytes, and what it would not read must not seem to protect anything. */
const basicAuthPassword = rules(z.object(passwordFields(72)), ...passwordRules)
  .transform(withCounts).describe('How the password is made; at most 72 characters, the most that bcrypt reads.');

const bytes = z.object({
  length: z.int().min(16).max(1024).default(32).describe('How many random bytes, before encoding.'),
  encoding: z.enum(['hex', 'base64']).default('base64').describe('How they are written; base64 is the standard alphabet with padding.'),
}).describe('Random bytes; one value.');

const sshBits = { rsa: [2048, 3072, 4096], ecdsa: [256, 384, 521] } as const;

const sshKey = rules(z.object({
  type: z.enum(['ed25519', 'rsa', 'ecdsa']).default('ed25519'),
  bits: z.literal([...sshBits.ecdsa, ...sshBits.rsa]).optional()
    .describe('rsa: 2048, 3072 (the default) or 4096. ecdsa: 256 (the default), 384 or 521. ed25519 has none.'),
  comment: matching(/^[ -~]+$/, 256, 'must be one line of printable ASCII').optional().describe('Comment of the public key.'),
}), cel("!has(self.bits) || (self.type == 'rsa' ? self.bits in [2048, 3072, 4096] : self.type == 'ecdsa' && self.bits in [256, 384, 521])",
  'bits must be 2048, 3072 or 4096 with rsa, 256, 384 or 521 with ecdsa, and left out with ed25519', '.bits'))
  .transform((spec) => ({ ...spec, bits: spec.bits ?? { rsa: 3072, ecdsa: 256, ed25519: 256 }[spec.type] }))
  .describe('An SSH key pair; fields privateKey (OpenSSH format) and publicKey (one authorized_keys line).');

const keyPair = rules(z.object({
  algorithm: z.enum(['RSA', 'EC']).default('EC'),
  size: z.literal([2048, 3072, 4096]).optional().describe('Bits of an RSA key. Default: 3072.'),
  curve: z.enum(['P-256', 'P-384', 'P-521']).optional().describe('Curve of an EC key. Default: P-256.'),
}),
cel("!has(self.size) || self.algorithm == 'RSA'", 'size is for RSA keys: set algorithm to RSA, or use curve', '.size'),
cel("!has(self.curve) || self.algorithm == 'EC'", 'curve is for EC keys: set algorithm to EC, or use size', '.curve'))
  .transform((spec) => ({ ...spec, size: spec.size ?? 3072, curve: spec.curve ?? 'P-256' }))
  .describe('A key pair; fields privateKey (PKCS#8 in PEM) and publicKey (SubjectPublicKeyInfo in PEM).');

const basicAuth = z.object({
  /** RFC 7617 section 2: a user-id must not contain a colon. */
  username: matching(/^[!-9;-~]+$/, 255, 'must be printable ASCII without spaces and colons (RFC 7617)').describe("The user's name: printable characters without space and colon."),
  password: basicAuthPassword.prefault({}),
}).describe('User name and random password; fields username, password, and auth (one htpasswd line with bcrypt).');

const sources = {
  password: password.optional(),
  uuid: z.object({}).optional().describe('A random UUID (version 4); one value.'),
  bytes: bytes.optional(),
  sshKey: sshKey.optional(),
  keyPair: keyPair.optional(),
  basicAuth: basicAuth.optional(),
};

export const generators = ['password', 'uuid', 'bytes', 'sshKey', 'keyPair', 'basicAuth'] as const satisfies readonly (keyof typeof sources)[];

export const generate = rules(z.object({
  ...sources,
  rotation: z.object({
    // A minute, so that tests and the demo see a rotation; in earnest hours to months.
    interval: duration('1m', 'After how long a new value is made; the old ones stay as versions.'),
  }).optional().describe('Makes a new value again and again. Without it, the value is made once.'),
}), exactlyOne(generators, `set exactly one of ${generators.join(', ')} in generate`))
  .describe('A value that Keystead makes.');

export type Generate = z.output<typeof generate>;


