import { createHash, createPublicKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { identityOf, isSignedByIdentity, newIdentityKey } from '../../../src/crypto/identity.ts';

describe('the identity of an installation', () => {
  const identity = identityOf(newIdentityKey());
  const signature = identity.sign('csr', ['team', 'web', 'CSR']);

  it('signs what only its own public key verifies', () => {
    expect(isSignedByIdentity(identity.publicKeyPem, 'csr', ['team', 'web', 'CSR'], signature)).toBe(true);
    expect(isSignedByIdentity(identityOf(newIdentityKey()).publicKeyPem, 'csr', ['team', 'web', 'CSR'], signature)).toBe(false);
  });

  it.each([
    ['another CSR', ['team', 'web', 'CSR2'], signature],
    ['another resource', ['team', 'other', 'CSR'], signature],
    ['parts cut elsewhere', ['tea', 'mweb', 'CSR'], signature],
    ['no signature', ['team', 'web', 'CSR'], ''],
    ['nonsense', ['team', 'web', 'CSR'], 'AAAA'],
  ])('does not verify for %s', (_what, parts, given) => {
    expect(isSignedByIdentity(identity.publicKeyPem, 'csr', parts, given)).toBe(false);
  });

  it('is not verified by what is no P-256 key', () => {
    for (const pem of ['', 'nonsense']) expect(isSignedByIdentity(pem, 'csr', ['team', 'web', 'CSR'], signature)).toBe(false);
  });

  it('has the fingerprint that openssl would show', () => {
    const der = createPublicKey(identity.publicKeyPem).export({ type: 'spki', format: 'der' });
    expect(identity.fingerprint).toBe(createHash('sha256').update(der).digest('hex'));
  });
});
