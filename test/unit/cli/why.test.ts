import { describe, expect, it } from '@jest/globals';
import { table } from '../../../src/cli/cluster.ts';
import { screen } from '../../../src/cli/why.ts';
import { kindNamed, rootCause, type Link } from '../../../src/cli/why/chain.ts';
import type { Event } from '../../../src/kube/kinds.ts';

const link = (name: string, state: Link['state'], more: Partial<Link> = {}): Link => ({ kind: 'Vault', place: `ns/${name}`, state, reason: undefined, says: state, needs: [], ...more });

describe('the cause', () => {
  it('is the deepest thing that is not ready', () => {
    const deep = link('deep', 'missing');
    const top = link('top', 'notReady', { needs: [link('fine', 'ready'), link('middle', 'notReady', { needs: [deep] })] });
    expect(rootCause(top)).toBe(deep);
  });

  it('is the thing itself when all that it needs is there, and nothing when it is ready', () => {
    const alone = link('alone', 'notReady', { needs: [link('fine', 'ready'), link('secret', 'hidden')] });
    expect(rootCause(alone)).toBe(alone);
    expect(rootCause(link('top', 'ready', { needs: [link('late', 'notReady')] }))).toBeUndefined();
  });
});

describe('the screen', () => {
  it('shows the chain, the cause, what to do and recent warnings', () => {
    const vault = link('app', 'missing', { says: 'is not there' });
    const secret = link('db', 'notReady', { kind: 'VaultSecret', reason: 'VaultNotFound', says: 'VaultNotFound: Vault app does not exist.', needs: [vault] });
    const warning = { reason: 'VaultNotFound', note: 'no vault', eventTime: '2026-01-01T00:00:00.000000Z', type: 'Warning' } as Event;
    expect(screen(secret, [warning])).toBe(`✗ VaultSecret ns/db: VaultNotFound: Vault app does not exist.
  ✗ Vault ns/app: is not there

The cause is Vault ns/app: is not there

The Vault that spec.vaultRef names does not exist in this namespace. Create it, or correct the name.

Recent warnings
  2026-01-01T00:00:00  VaultNotFound: no vault
`);
  });

  it('lets no text of the cluster act on the terminal', () => {
    const evil = '\u001b[2J\u009b31m\u202ehidden';
    expect(screen(link('x', 'notReady', { says: evil }), [])).toMatch(/^[^\p{Cc}\u202e]+\n$/u);
    expect(table(['A'], [[`${evil}\n`]])).toMatch(/^A\n[^\p{Cc}\u202e]+\n$/u);
  });
});

it('kinds are known by every name that kubectl knows', () => {
  for (const word of ['VaultCertificate', 'vaultcertificates', 'vaultcertificate', 'kvc', 'vaultcertificates.keystead.dev']) {
    expect(kindNamed(word)?.plural).toBe('vaultcertificates');
  }
  expect(kindNamed('secret')).toBeUndefined();
});
