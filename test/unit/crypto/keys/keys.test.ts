import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import {
  describeKeyAlgorithm,
  exportPrivateKey,
  exportPrivateKeyDer,
  exportPublicKey,
  exportPublicKeyDer,
  importPrivateKey,
  importPublicKey,
  keyAlgorithmOf,
  parseKeyAlgorithm,
  publicKeyThumbprint,
} from '../../../../src/crypto/keys.ts';
import { codeOf, keys, kinds, syncOutcomeOf } from '../x509/builders.ts';
import { OpenSsl } from '../x509/openssl.ts';

describe('kinds of keys', () => {
  it.each([
    [{}, 'ECDSA P-256'],
    [{ algorithm: 'RSA' }, 'RSA 2048'],
    [{ algorithm: 'RSA', size: 4096 }, 'RSA 4096'],
    [{ algorithm: 'ECDSA', size: 384 }, 'ECDSA P-384'],
    [{ algorithm: 'ECDSA', curve: 'P-521' }, 'ECDSA P-521'],
    [{ algorithm: 'ECDSA', curve: 'P-521', size: 521 }, 'ECDSA P-521'],
    [{ algorithm: 'Ed25519' }, 'Ed25519'],
    [{ algorithm: 'Ed25519', size: 256 }, 'Ed25519'],
  ])('%j is %s', (fields, description) => {
    expect(describeKeyAlgorithm(parseKeyAlgorithm(fields))).toBe(description);
  });

  it.each([
    [{ algorithm: 'RSA', size: 1024 }],
    [{ algorithm: 'RSA', size: 2049 }],
    [{ algorithm: 'RSA', curve: 'P-256' }],
    [{ algorithm: 'ECDSA', size: 2048 }],
    [{ algorithm: 'ECDSA', curve: 'P-192' }],
    [{ algorithm: 'ECDSA', curve: 'P-256', size: 384 }],
    [{ algorithm: 'Ed25519', size: 384 }],
    [{ algorithm: 'Ed25519', curve: 'P-256' }],
    [{ algorithm: 'DSA' }],
    [{ algorithm: 'rsa' }],
    [{ size: 2048 }],
  ])('%j is none', async (fields) => {
    expect(await codeOf(() => parseKeyAlgorithm(fields))).toBe('InvalidKeyAlgorithm');
  });
});

describe.each(kinds.map((kind) => [describeKeyAlgorithm(kind), kind] as const))('a key of kind %s', (_, kind) => {
  it('is made, comes back from PEM and DER the same, and signs', async () => {
    const key = await keys.generate(kind);
    expect(keyAlgorithmOf(key)).toEqual(kind);
    for (const copy of [importPrivateKey(exportPrivateKey(key)), importPrivateKey(exportPrivateKeyDer(key)), importPrivateKey(Buffer.from(exportPrivateKey(key)))]) {
      expect(copy.equals(key)).toBe(true);
    }
    for (const half of [importPublicKey(exportPublicKey(key)), importPublicKey(exportPublicKeyDer(key))]) {
      expect(keyAlgorithmOf(half)).toEqual(kind);
      expect(publicKeyThumbprint(half)).toBe(publicKeyThumbprint(key));
      const digest = kind.algorithm === 'Ed25519' ? null : 'sha256';
      expect(verify(digest, Buffer.from('text'), half, sign(digest, Buffer.from('text'), key))).toBe(true);
    }
  }, 60_000);

  it('is read by openssl, which finds the same public key', async () => {
    const openssl = new OpenSsl();
    const key = await keys.generate(kind);
    expect(openssl.run('pkey', '-in', openssl.file(exportPrivateKey(key)), '-pubout')).toBe(exportPublicKey(key));
    expect(openssl.run('pkey', '-in', openssl.file(exportPrivateKey(key)), '-check', '-noout')).toMatch(/valid/);
    openssl.remove();
  }, 60_000);
});

describe('reading keys', () => {
  const pem = (type: 'rsa' | 'ec', options: object): string => {
    const { privateKey } = generateKeyPairSync(type as 'rsa', options as { modulusLength: number });
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  };

  it.each([
    ['RSA 1024', pem('rsa', { modulusLength: 1024 })],
    ['RSA with exponent 3', pem('rsa', { modulusLength: 2048, publicExponent: 3 })],
    ['secp256k1', pem('ec', { namedCurve: 'secp256k1' })],
    ['X25519', generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['an encrypted key', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString()],
    ['a public key', generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['nothing', ''],
    ['something longer than any key', `${'\n'.repeat(13_001)}${pem('rsa', { modulusLength: 2048 })}`],
  ])('refuses %s as a private key', async (_, text) => {
    expect(await codeOf(() => importPrivateKey(text))).toBe('InvalidKey');
  });

  it('refuses a private key where a public one is asked for', async () => {
    const key = await keys.generate({ algorithm: 'Ed25519' });
    expect(await codeOf(() => importPublicKey(exportPrivateKey(key)))).toBe('InvalidKey');
    expect(await codeOf(() => importPublicKey(exportPrivateKeyDer(key)))).toBe('InvalidKey');
  });

  it('takes PKCS#1 and SEC1, as openssl writes them', () => {
    const openssl = new OpenSsl();
    for (const type of ['rsa', 'ec'] as const) {
      const pkcs8 = pem(type, type === 'rsa' ? { modulusLength: 2048 } : { namedCurve: 'prime256v1' });
      const traditional = openssl.run('pkey', '-in', openssl.file(pkcs8), '-traditional');
      expect(traditional).toMatch(/BEGIN (RSA|EC) PRIVATE KEY/);
      expect(exportPrivateKey(importPrivateKey(traditional))).toBe(pkcs8);
    }
    openssl.remove();
  });

  it('says nothing of the input when it is damaged, and fails in no other way', async () => {
    const der = exportPrivateKeyDer(await keys.generate({ algorithm: 'ECDSA', curve: 'P-256' }));
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, change, isPem) => {
        const damaged = Buffer.from(der);
        damaged.writeUInt8(damaged.readUInt8(at) ^ change, at);
        const input = isPem ? `-----BEGIN PRIVATE KEY-----\n${damaged.toString('base64')}\n-----END PRIVATE KEY-----\n` : damaged;
        const outcome = syncOutcomeOf(() => importPrivateKey(input));
        if (!(outcome instanceof KeysteadError)) return;
        expect(outcome.cause).toBeUndefined();
        expect(outcome.message).not.toContain(der.subarray(40, 50).toString('base64').slice(0, 8));
      }),
      { numRuns: 500 },
    );
  });
});
