/**
 * OpenSSH's own formats, from OpenSSH's PROTOCOL.key, RFC 4253 §6.6, RFC 5656 §3.1 and RFC 8709 §4. Node writes none of
 * them. Private keys are not encrypted in the file: the vault does that, and whoever mounts it could not type a passphrase.
 */
import type { KeyObject } from 'node:crypto';
import type { Random } from '../../runtime/random.ts';

/** A key pair as OpenSSH keeps it in two files. */
export interface SshKeyPair {
  /** `openssh-key-v1`, unencrypted. */
  readonly privateKey: string;
  /** One line of authorized_keys, without line end. */
  readonly publicKey: string;
}

/** RFC 4251 §5 `string`: length and octets. */
function string(content: Buffer | string): Buffer {
  const octets = Buffer.from(content);
  return Buffer.concat([uint32(octets.length), octets]);
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

/** RFC 4251 §5 `mpint`: two's complement, so a leading zero octet where the first bit is set, and none that isn't needed. */
function mpint(base64url: string | undefined): Buffer {
  const magnitude = octetsOf(base64url);
  const start = magnitude.findIndex((octet) => octet !== 0);
  const trimmed = start < 0 ? Buffer.alloc(0) : magnitude.subarray(start);
  return string((trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed);
}

const octetsOf = (base64url: string | undefined): Buffer => Buffer.from(base64url ?? '', 'base64url');

interface SshParts {
  readonly type: string;
  /** What follows the type in the public key. */
  readonly publicFields: readonly Buffer[];
  /** What follows the type in the private key (OpenSSH's PROTOCOL.key and sshkey.c). */
  readonly privateFields: readonly Buffer[];
}

const ecdsaNames: Readonly<Record<string, string>> = { 'P-256': 'nistp256', 'P-384': 'nistp384', 'P-521': 'nistp521' };

function partsOf(key: KeyObject): SshParts {
  const jwk = key.export({ format: 'jwk' });
  if (jwk.kty === 'OKP') {
    const point = octetsOf(jwk.x);
    return { type: 'ssh-ed25519', publicFields: [string(point)], privateFields: [string(point), string(Buffer.concat([octetsOf(jwk.d), point]))] };
  }
  if (jwk.kty === 'RSA') {
    return {
      type: 'ssh-rsa',
      publicFields: [mpint(jwk.e), mpint(jwk.n)],
      privateFields: [mpint(jwk.n), mpint(jwk.e), mpint(jwk.d), mpint(jwk.qi), mpint(jwk.p), mpint(jwk.q)],
    };
  }
  const curve = ecdsaNames[jwk.crv ?? ''] ?? '';
  const point = Buffer.concat([Buffer.from([4]), octetsOf(jwk.x), octetsOf(jwk.y)]);
  return { type: `ecdsa-sha2-${curve}`, publicFields: [string(curve), string(point)], privateFields: [string(curve), string(point), mpint(jwk.d)] };
}

/** Writes a private key of a supported kind for OpenSSH. `comment` is one line of printable ASCII; the schema holds that. */
export function encodeSshKeyPair(key: KeyObject, comment: string, random: Random): SshKeyPair {
  const parts = partsOf(key);
  const publicBlob = Buffer.concat([string(parts.type), ...parts.publicFields]);
  // The same number twice: with an encrypted file, how OpenSSH sees that the passphrase was right.
  const check = random.bytes(4);
  const secret = Buffer.concat([check, check, string(parts.type), ...parts.privateFields, string(comment)]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    string('none'),
    string('none'),
    string(''),
    uint32(1),
    string(publicBlob),
    string(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `${parts.type} ${publicBlob.toString('base64')}${comment === '' ? '' : ` ${comment}`}`,
  };
}
