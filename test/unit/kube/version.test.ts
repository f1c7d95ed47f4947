import { expect, it } from '@jest/globals';
import { KubeClient } from '../../../src/kube/client.ts';
import { requireSupportedVersion } from '../../../src/kube/version.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeTransport } from './fake-transport.ts';

function clientOf(major: string, minor: string): KubeClient {
  const transport = new FakeTransport();
  transport.answer = () => ({ major, minor, gitVersion: `v${major}.${minor}` });
  return new KubeClient(transport, { clock: new FakeClock(), random: systemRandom });
}

it.each([['1', '32'], ['1', '36+'], ['2', '0']])('accepts Kubernetes %s.%s', async (major, minor) => {
  expect((await requireSupportedVersion(clientOf(major, minor))).minor).toBe(Number.parseInt(minor, 10));
});

it.each([['1', '31'], ['1', '9+'], ['', '']])('refuses Kubernetes "%s.%s", and says what to do', async (major, minor) => {
  await expect(requireSupportedVersion(clientOf(major, minor))).rejects.toMatchObject({ code: 'ClusterTooOld', message: expect.stringContaining('Upgrade') });
});
