import { describe, expect, it } from '@jest/globals';
import { parseAccessPolicy } from '../../../src/api/access-policy.ts';
import { KeysteadError } from '../../../src/api/error.ts';
import { apiVersion } from '../../../src/api/names.ts';
import { parseVaultCertificate } from '../../../src/api/vault-certificate.ts';
import { parseVaultIssuer } from '../../../src/api/vault-issuer.ts';
import { parseVaultSecret } from '../../../src/api/vault-secret.ts';
import { parseVault } from '../../../src/api/vault.ts';

const object = (kind: string, spec: unknown) => ({
  apiVersion, kind, spec,
  metadata: { name: 'web', namespace: 'team-a', uid: 'u', resourceVersion: '1', creationTimestamp: '2030-01-01T00:00:00Z' },
});
const secret = (spec: object) => parseVaultSecret(object('VaultSecret', { vaultRef: { name: 'shop' }, ...spec }));
const certificate = (spec: object) => parseVaultCertificate(object('VaultCertificate', { vaultRef: { name: 'shop' }, issuerRef: { name: 'ca' }, ...spec }));

describe('defaults', () => {
  it('of a Vault without spec are those of Key Vault and of decision 12', () => {
    expect(parseVault(object('Vault', undefined))).toEqual({
      retentionDays: 90, purgeProtection: false, createMode: 'Default', limits: { objects: 1000, versionsPerObject: 100, bytes: 16 * 1024 * 1024 },
    });
  });

  it.each([['64Ki', 65_536], ['1Gi', 1_073_741_824], [70_000, 70_000], ['70000', 70_000]])('reads %s bytes', (bytes, expected) => {
    expect(parseVault(object('Vault', { limits: { bytes } }))).toMatchObject({ limits: { bytes: expected, objects: 1000 } });
  });

  it('of a VaultSecret come from the resource where no CRD can say them', () => {
    expect(secret({ target: {} })).toEqual({
      vaultRef: { name: 'shop' }, objectName: 'web', createMode: 'Default', adopt: false, deletionPolicy: 'Delete', attributes: { enabled: true },
      target: { name: 'web', namespace: 'team-a', type: 'Opaque', creationPolicy: 'Owner', deletionPolicy: 'Delete', immutable: false },
    });
  });

  it.each([['Owner', 'Delete'], ['Merge', 'Retain'], ['Orphan', 'Retain']])('of a target that is %s: %s', (creationPolicy, deletionPolicy) => {
    expect(secret({ target: { creationPolicy } })).toMatchObject({ target: { deletionPolicy } });
    expect(secret({ target: { creationPolicy, deletionPolicy: 'Retain' } })).toMatchObject({ target: { deletionPolicy: 'Retain' } });
  });

  it('of a password make a quarter digits and a quarter symbols', () => {
    expect(secret({ generate: { password: { length: 21 } } })).toMatchObject({ generate: { password: { length: 21, digits: 5, symbols: 5, noUpper: false, allowRepeat: true } } });
    expect(secret({ generate: { password: { symbols: 0 } } })).toMatchObject({ generate: { password: { length: 32, digits: 8, symbols: 0 } } });
  });

  it.each([[{ type: 'rsa' }, 3072], [{ type: 'ecdsa' }, 256], [{ type: 'ecdsa', bits: 521 }, 521]])('of an SSH key %j: %d bits', (sshKey, bits) => {
    expect(secret({ generate: { sshKey } })).toMatchObject({ generate: { sshKey: { bits } } });
  });

  it('keep ten versions of what rotates, and all of what does not', () => {
    expect(secret({ generate: { uuid: {}, rotation: { interval: '1h' } } })).toMatchObject({ versionsToKeep: 10 });
    expect(secret({ generate: { uuid: {} } })).toMatchObject({ versionsToKeep: undefined });
    expect(secret({ generate: { uuid: {}, rotation: { interval: '1h' } }, versionsToKeep: 3 })).toMatchObject({ versionsToKeep: 3 });
  });

  it.each([
    [{}, ['digital signature']],
    [{ privateKey: { algorithm: 'RSA' } }, ['digital signature', 'key encipherment']],
    [{ isCA: true }, ['digital signature', 'cert sign', 'crl sign']],
    [{ isCA: true, usages: ['cert sign'] }, ['cert sign', 'crl sign']],
    [{ usages: ['client auth'] }, ['client auth']],
  ])('of the usages of a certificate with %j: %j', (spec, usages) => {
    expect(certificate(spec)).toMatchObject({ usages });
  });

  it.each([[{}, 256], [{ algorithm: 'ECDSA', size: 384 }, 384], [{ algorithm: 'RSA' }, 2048]])('of a key %j: %d', (privateKey, size) => {
    expect(certificate({ privateKey })).toMatchObject({ privateKey: { size, rotationPolicy: 'Always', exportable: true } });
  });

  it('of a certificate: 90 days, ten versions, the issuer of its own namespace, a TLS Secret', () => {
    expect(certificate({ target: {} })).toMatchObject({
      duration: '2160h', versionsToKeep: 10, isCA: false, issuerRef: { name: 'ca', namespace: 'team-a' }, target: { type: 'kubernetes.io/tls', name: 'web' },
    });
  });

  it('of issuers and policies are the narrow ones', () => {
    expect(parseVaultIssuer(object('VaultIssuer', { ca: { vaultRef: { name: 'shop' }, certificateName: 'ca' } })))
      .toMatchObject({ allowedNamespaces: { from: 'Same' }, ca: { allowSubordinates: false } });
    expect(parseAccessPolicy(object('AccessPolicy', { vaultRef: { name: 'shop' } }))).toEqual({ vaultRef: { name: 'shop' }, effect: 'Allow' });
  });
});

describe('a spec that cannot be read', () => {
  it.each([
    [{ vaultRef: { name: 'shop' }, target: { type: 'hunter2' } }, 'spec.target.type must be one of Opaque'],
    [{ vaultRef: 'hunter2' }, 'spec.vaultRef must be of type object'],
    [{ vaultRef: { name: 'hunter2-hunter2-hunter2-hunter2' } }, 'spec.vaultRef.name must be at most 24'],
    [{ vaultRef: { name: 'shop' }, objectName: 'hunter2!' }, 'spec.objectName has the wrong form'],
    [{ vaultRef: { name: 'shop' }, versionsToKeep: 0 }, 'spec.versionsToKeep must be at least 1'],
    [{ vaultRef: { name: 'shop' }, tags: { a: ['hunter2'] } }, 'spec.tags.a must be of type string'],
    [null, 'spec.vaultRef must be of type object'],
    ['hunter2', 'spec must be of type object'],
  ])('%j: says where and what, and never what was there', (spec, message) => {
    const error = parseVaultSecret(object('VaultSecret', spec));
    expect(error).toBeInstanceOf(KeysteadError);
    expect(error).toMatchObject({ code: 'InvalidSpec', consequence: 'stalled', message: expect.stringContaining(message) });
    expect(error instanceof Error ? error.message : 'hunter2').not.toContain('hunter2');
  });

  it('is one error of bounded length, however much is wrong', () => {
    const error = secret({ tags: Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`t${index}`, index])) });
    expect(error instanceof KeysteadError ? error.message.length : Infinity).toBeLessThan(1000);
  });
});
