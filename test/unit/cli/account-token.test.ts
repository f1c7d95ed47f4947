import { describe, expect, it } from '@jest/globals';
import { AccountToken } from '../../../src/cli/dev/account-token.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeTransport } from '../kube/fake-transport.ts';

const MINUTE = 60_000;

/** Tokens t1, t2, … that live for so many minutes; `broken` makes the API server fail. */
function mint(minutes: number) {
  const clock = new FakeClock();
  const state = { broken: false, minted: 0 };
  const transport = new FakeTransport();
  transport.answer = () => {
    if (state.broken) return { status: 500, body: '{}', retryAfterMs: undefined };
    state.minted += 1;
    return { status: { token: `t${state.minted}`, expirationTimestamp: new Date(clock.now().getTime() + minutes * MINUTE).toISOString() } };
  };
  const client = new KubeClient(transport, { clock, random: systemRandom });
  const token = new AccountToken({ client, namespace: 'keystead-system', serviceAccount: 'keystead-operator', clock });
  return { clock, state, transport, token };
}

describe('the token of a ServiceAccount', () => {
  it('is asked for once, by all who want it at the same time', async () => {
    const { token, transport } = mint(60);
    expect(await Promise.all([token.current(), token.current(), token.current()])).toEqual(['t1', 't1', 't1']);
    expect(transport.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /api/v1/namespaces/keystead-system/serviceaccounts/keystead-operator/token']);
  });

  it('is renewed when a fifth of its life is left, also when that is shorter than what was asked for', async () => {
    const { token, clock } = mint(10);
    await token.current();
    await clock.advance(7.9 * MINUTE);
    expect(await token.current()).toBe('t1');
    await clock.advance(0.2 * MINUTE);
    expect(await token.current()).toBe('t2');
  });

  it('is used to its end while no new one is to be had', async () => {
    const { token, clock, state } = mint(10);
    await token.current();
    state.broken = true;
    await clock.advance(9 * MINUTE);
    expect(await token.current()).toBe('t1');
    await clock.advance(2 * MINUTE);
    await expect(token.current()).rejects.toThrow('500');
    state.broken = false;
    expect(await token.current()).toBe('t2');
  });

  it('is asked for anew when it was refused', async () => {
    const { token } = mint(60);
    await token.current();
    token.refused();
    expect(await token.current()).toBe('t2');
  });
});
