import { spawnSync } from 'node:child_process';
import { createECDH, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { compare } from 'bcryptjs';
import fc from 'fast-check';
import { generate as generateSchema, type Generate } from '../../../../src/api/generate.ts';
import { generate, type GeneratedFields } from '../../../../src/crypto/generate/generate.ts';
import { encodeSshKeyPair } from '../../../../src/crypto/generate/ssh.ts';
import { htpasswdLine } from '../../../../src/crypto/generate/htpasswd.ts';
import { systemRandom, type Random } from '../../../../src/runtime/random.ts';
import { codeOf, keys } from '../x509/builders.ts';

const folder = mkdtempSync(join(tmpdir(), 'keystead-ssh-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** From what a person writes, so that the schema's defaults are part of what is tested. */
const make = (written: object, random: Random = systemRandom): Promise<GeneratedFields> =>
  generate(generateSchema.parse(written) satisfies Generate, { random, keys, bcryptCost: 4 });

function sshKeygen(...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync('ssh-keygen', args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

function privateFile(content: string): string {
  const path = join(folder, `${Math.trunc(performance.now() * 1000)}`);
  writeFileSync(path, content);
  chmodSync(path, 0o600);
  return path;
}

describe('simple values', () => {
  it('password: by default 32 characters, a quarter each digits and symbols', async () => {
    const { password = '', ...rest } = await make({ password: {} });
    expect(rest).toEqual({});
    expect(password).toMatch(/^[A-Za-z0-9!#%*+\-./:=?@_~^,]{32}$/);
    expect(password.match(/\d/g)).toHaveLength(8);
    expect(password.match(/[A-Za-z]/g)).toHaveLength(16);
  });

  it('uuid: version 4, variant 1, the other 122 bits as drawn (RFC 9562 §5.4)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 16 }), async (octets) => {
        const { uuid = '' } = await make({ uuid: {} }, { bytes: () => Buffer.from(octets), fraction: () => 0 });
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const drawn = Buffer.from(uuid.replaceAll('-', ''), 'hex').map((octet, index) => octet ^ (octets[index] ?? 0));
        expect(drawn.filter((difference, index) => (difference & (index === 6 ? 0x0f : index === 8 ? 0x3f : 0xff)) !== 0)).toHaveLength(0);
      }),
    );
  });

  it('bytes: as many as asked for, in base64 or hex', async () => {
    expect(Buffer.from((await make({ bytes: {} })).bytes ?? '', 'base64')).toHaveLength(32);
    expect((await make({ bytes: { length: 16, encoding: 'hex' } })).bytes).toMatch(/^[0-9a-f]{32}$/);
    expect((await make({ bytes: { length: 17 } }, { bytes: (length) => Buffer.alloc(length, 0xfb), fraction: () => 0 })).bytes).toBe('+/v7+/v7+/v7+/v7+/v7+/s=');
  });

  it('nothing named is refused', async () => {
    expect(await codeOf(() => generate({} as Generate, { random: systemRandom, keys }))).toBe('InvalidGenerator');
  });
});

describe.each([
  [{}, 'ssh-ed25519', '256', 'ED25519'],
  [{ type: 'rsa' }, 'ssh-rsa', '3072', 'RSA'],
  [{ type: 'rsa', bits: 2048 }, 'ssh-rsa', '2048', 'RSA'],
  [{ type: 'ecdsa' }, 'ecdsa-sha2-nistp256', '256', 'ECDSA'],
  [{ type: 'ecdsa', bits: 384 }, 'ecdsa-sha2-nistp384', '384', 'ECDSA'],
  [{ type: 'ecdsa', bits: 521 }, 'ecdsa-sha2-nistp521', '521', 'ECDSA'],
])('an SSH key pair %j', (written, type, bits, name) => {
  it('is what ssh-keygen reads, and both halves belong together', async () => {
    const { privateKey = '', publicKey = '', ...rest } = await make({ sshKey: { ...written, comment: 'deploy key @ team-a' } });
    expect(rest).toEqual({});
    expect(publicKey).toMatch(new RegExp(`^${type} [A-Za-z0-9+/=]+ deploy key @ team-a$`));
    const file = privateFile(privateKey);
    expect(sshKeygen('-y', '-P', '', '-f', file)).toBe(publicKey);
    expect(sshKeygen('-l', '-f', privateFile(publicKey))).toMatch(new RegExp(`^${bits} SHA256:.* deploy key @ team-a \\(${name}\\)$`));
    // A full turn through OpenSSH: it signs with the one half and verifies with the other.
    const message = privateFile('message');
    sshKeygen('-Y', 'sign', '-n', 'file', '-f', file, message);
    const signers = privateFile(`me ${publicKey}\n`);
    const { status, stderr } = spawnSync('ssh-keygen', ['-Y', 'verify', '-n', 'file', '-I', 'me', '-f', signers, '-s', `${message}.sig`], { input: 'message', encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  }, 60_000);
});

describe('SSH key pairs', () => {
  it.each(['80', '00', '7f', '0001'])('are read by OpenSSH when the secret number begins with %s, which it seldom does', (start) => {
    const ecdh = createECDH('prime256v1');
    const d = Buffer.from(start.padEnd(64, '5a'), 'hex');
    ecdh.setPrivateKey(d);
    const point = ecdh.getPublicKey();
    const part = (octets: Buffer) => octets.toString('base64url');
    const key = createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', d: part(d), x: part(point.subarray(1, 33)), y: part(point.subarray(33)) } });
    const pair = encodeSshKeyPair(key, '', systemRandom);
    const file = privateFile(pair.privateKey);
    expect(sshKeygen('-y', '-P', '', '-f', file)).toBe(pair.publicKey);
    // What OpenSSH writes when it has read the file is the same, but for the random check number and padding.
    sshKeygen('-p', '-P', '', '-N', '', '-f', file);
    const secretPart = (text: string): Buffer => {
      const octets = Buffer.from(text.replaceAll(/-----.*-----|\n/g, ''), 'base64');
      return octets.subarray(octets.lastIndexOf('ecdsa-sha2-nistp256'));
    };
    expect(secretPart(readFileSync(file, 'utf8'))).toEqual(secretPart(pair.privateKey));
  });

  it('are read by OpenSSH whatever the length of their numbers, since a leading zero comes once in 256', async () => {
    for (let round = 0; round < 40; round += 1) {
      const { privateKey = '', publicKey = '' } = await make({ sshKey: { type: 'ecdsa' } });
      expect(sshKeygen('-y', '-P', '', '-f', privateFile(privateKey))).toBe(publicKey);
    }
  }, 60_000);

  it('have no trailing space without a comment', async () => {
    expect((await make({ sshKey: {} })).publicKey).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+$/);
  });
});

describe('PEM key pairs', () => {
  it.each([
    [{}, 'ec', { namedCurve: 'prime256v1' }],
    [{ curve: 'P-521' }, 'ec', { namedCurve: 'secp521r1' }],
    [{ algorithm: 'RSA' }, 'rsa', { modulusLength: 3072 }],
    [{ algorithm: 'RSA', size: 2048 }, 'rsa', { modulusLength: 2048 }],
  ])('%j', async (written, type, details) => {
    const { privateKey = '', publicKey = '', ...rest } = await make({ keyPair: written });
    expect(rest).toEqual({});
    const key = createPrivateKey(privateKey);
    expect(key.asymmetricKeyType).toBe(type);
    expect(key.asymmetricKeyDetails).toMatchObject(details);
    expect(privateKey).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(verify('sha256', Buffer.from('x'), createPublicKey(publicKey), sign('sha256', Buffer.from('x'), key))).toBe(true);
  }, 60_000);
});

describe('basic authentication', () => {
  it('gives name, password and an htpasswd line of that password', async () => {
    const { username, password = '', auth = '', ...rest } = await make({ basicAuth: { username: 'admin' } });
    expect(rest).toEqual({});
    expect(username).toBe('admin');
    expect(auth).toMatch(/^admin:\$2y\$04\$[./A-Za-z0-9]{53}$/);
    const hash = auth.replace('admin:', '');
    expect(await compare(password, hash)).toBe(true);
    expect(await compare(`${password}x`, hash)).toBe(false);
  });

  /** From crypt_blowfish's and OpenBSD's test suites. */
  it.each([
    ['a', '$2a$06$m0CrhHm10qJ3lXRY.5zDGO', '3rS2KdeeWLuGmsfGlMfOxih58VYVfxe'],
    ['abc', '$2a$06$If6bvum7DFjUnE9p2uDeDu', '0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i'],
    ['abcdefghijklmnopqrstuvwxyz', '$2a$06$.rCVZVOThsIa97pEDOxvGu', 'RRgzG64bvtJ0938xuqzv18d3ZpQhstC'],
  ])('hashes %j as the others do', async (password, salt, rest) => {
    expect(await compare(password, salt.replace('$2a$', '$2y$') + rest)).toBe(true);
  });

  it('is what the C library makes of the same password and salt, which is how Apache and nginx check it', async () => {
    const { password = '', auth = '' } = await make({ basicAuth: { username: 'admin' } });
    const hash = auth.replace('admin:', '');
    const { stdout } = spawnSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, hash], { encoding: 'utf8' });
    expect(stdout).toBe(hash);
  });

  it('uses the salt that was drawn, the cost that was asked for, and each password in full', async () => {
    const random: Random = { bytes: (length) => Buffer.alloc(length), fraction: () => 0 };
    expect(await htpasswdLine('a', 'pw', 5, random)).toMatch(/^a:\$2y\$05\$\.{22}/);
    const longest = await htpasswdLine('a', 'x'.repeat(72), 4, random);
    expect(await htpasswdLine('a', `${'x'.repeat(71)}y`, 4, random)).not.toBe(longest);
  });

  it.each([
    ['a:b', 'pw', 4],
    ['', 'pw', 4],
    ['a b', 'pw', 4],
    ['a\nb', 'pw', 4],
    ['ä', 'pw', 4],
    ['a', 'x'.repeat(73), 4],
    ['a', 'ä'.repeat(37), 4],
    ['a', 'pw', 3],
    ['a', 'pw', 16],
    ['a', 'pw', 10.5],
  ])('refuses the name %j, password of that length, cost %#', async (username, password, cost) => {
    expect(await codeOf(() => htpasswdLine(username, password, cost, systemRandom))).toBe('InvalidGenerator');
  });

  it('lets other work go on meanwhile', async () => {
    let turns = 0;
    const tick = (): void => {
      turns += 1;
      handle = setImmediate(tick);
    };
    let handle = setImmediate(tick);
    await htpasswdLine('a', 'pw', 12, systemRandom);
    clearImmediate(handle);
    expect(turns).toBeGreaterThan(1);
  });
});
