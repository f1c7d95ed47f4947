import { chmodSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { BinaryHost } from '../../../src/cli/dev/binaries.ts';
import { startControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { systemRandom } from '../../../src/runtime/random.ts';

/** What startControlPlane does when a server fails; that it works is shown in test/integration. */
describe('startControlPlane', () => {
  const hostWithEtcd = (script: string): BinaryHost => {
    const assets = mkdtempSync(join(tmpdir(), 'assets-'));
    for (const name of ['etcd', 'kube-apiserver', 'kube-controller-manager']) {
      writeFileSync(join(assets, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(assets, name), 0o755);
    }
    const nothing = (): Promise<void> => Promise.reject(new Error('nothing is made here'));
    return { environment: { KUBEBUILDER_ASSETS: assets, HOME: assets }, clock: systemClock, random: systemRandom, progress: () => undefined, build: nothing, download: nothing };
  };

  it('shows the end of the log of a server that does not start, and leaves no folder behind', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'scratch-'));
    // The server itself tells where it was to run.
    const host = hostWithEtcd(`echo "$@" > ${scratch}/arguments; echo "flag provided but not defined"; exit 2`);
    await expect(startControlPlane({ host })).rejects.toThrow(/^etcd ended while starting.*\n.*flag provided but not defined/s);
    const directory = /--data-dir=(\S+)\/etcd/.exec(readFileSync(join(scratch, 'arguments'), 'utf8'))?.[1] ?? '';
    expect(() => readdirSync(directory)).toThrow('ENOENT');
  });

  it('tries other ports when somebody was faster, and gives up in the end', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'scratch-'));
    const host = hostWithEtcd(`touch ${scratch}/$$; echo "listen tcp 127.0.0.1:1: bind: address already in use"; exit 1`);
    await expect(startControlPlane({ host })).rejects.toThrow('address already in use');
    expect(readdirSync(scratch)).toHaveLength(3);
  });
});
