import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type BinaryHost, cacheFolder, findBinary, type ProgramMaker } from '../../../src/cli/dev/binaries.ts';
import { checksumIn, downloader } from '../../../src/cli/dev/download.ts';
import { programs } from '../../../src/cli/dev/programs.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { systemRandom } from '../../../src/runtime/random.ts';

/** A program that only says its version. */
function script(version: string): string {
  return `#!/bin/sh\necho '{"clientVersion": {"gitVersion": "${version}"}}'\n`;
}

function install(folder: string, name: string, version: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, script(version));
  chmodSync(path, 0o755);
  return path;
}

const PINNED = programs.kubectl.version;

describe('findBinary', () => {
  let root = '';
  let made: string[] = [];
  const cached = (): string => join(root, 'cache', 'keystead', 'bin', `kubectl-${PINNED}`);
  const maker = (version = PINNED): ProgramMaker => async (program, target) => {
    made.push(program.name);
    writeFileSync(target, script(version));
  };
  const host = (changes: Partial<BinaryHost> = {}, environment: Record<string, string> = {}): BinaryHost => ({
    environment: { HOME: root, XDG_CACHE_HOME: join(root, 'cache'), ...environment },
    clock: systemClock,
    random: systemRandom,
    progress: () => undefined,
    build: maker(),
    download: () => Promise.reject(new Error('nothing is downloaded where there is Go')),
    ...changes,
  });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'keystead-binaries-'));
    made = [];
  });

  it.each(['v1.32.4-dispatcher', 'v1.36.30', 'v1.36.3-rc.1', 'v1.36.2', 'nonsense'])('refuses a kubectl %s on PATH and makes its own', async (version) => {
    install(join(root, 'path'), 'kubectl', version);
    await expect(findBinary('kubectl', host({}, { PATH: join(root, 'path') }))).resolves.toBe(cached());
    expect(made).toEqual(['kubectl']);
  });

  it('takes the exact version from PATH, with build metadata or without', async () => {
    for (const version of [PINNED, `${PINNED}+vendor.2`]) {
      const installed = install(join(root, 'path'), 'kubectl', version);
      await expect(findBinary('kubectl', host({}, { PATH: `relative:${join(root, 'path')}` }))).resolves.toBe(installed);
    }
    expect(made).toEqual([]);
  });

  it('takes whatever KUBEBUILDER_ASSETS holds, for somebody chose it, and goes on without what it lacks', async () => {
    const assets = join(root, 'assets');
    const chosen = install(assets, 'kubectl', 'v1.34.0');
    await expect(findBinary('kubectl', host({}, { KUBEBUILDER_ASSETS: assets }))).resolves.toBe(chosen);
    await expect(findBinary('helm', host({ build: maker('v4.3.1') }, { KUBEBUILDER_ASSETS: assets }))).resolves.toContain('helm-v4.3.1');
  });

  it('makes a program once when two processes look for it at once, and not again later', async () => {
    let finish: () => void = () => undefined;
    const waitForEnd = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let told: () => void = () => undefined;
    const secondWaits = new Promise<void>((resolve) => {
      told = resolve;
    });
    const slow: ProgramMaker = async (program, target, on) => {
      await waitForEnd;
      await maker()(program, target, on);
    };
    const both = [host({ build: slow }), host({ build: slow, progress: () => told() })].map((each) => findBinary('kubectl', each));
    await secondWaits;
    finish();
    await expect(Promise.all(both)).resolves.toEqual([cached(), cached()]);
    await findBinary('kubectl', host());
    expect(made).toEqual(['kubectl']);
    expect(readdirSync(cacheFolder(host().environment))).toEqual([`kubectl-${PINNED}`]);
  });

  it('sweeps up what a killed process left half made', async () => {
    mkdirSync(join(root, 'cache', 'keystead', 'bin'), { recursive: true });
    writeFileSync(`${cached()}.partial-0123`, 'half');
    await findBinary('kubectl', host());
    expect(readdirSync(cacheFolder(host().environment))).toEqual([`kubectl-${PINNED}`]);
  });

  it('never puts a program in place that is not what was wanted, nor keeps the lock', async () => {
    await expect(findBinary('kubectl', host({ build: maker('v1.0.0') }))).rejects.toThrow('does not run here or is not v1.36.3');
    await expect(findBinary('kubectl', host({ build: () => Promise.reject(new Error('disk full')) }))).rejects.toThrow('disk full');
    expect(readdirSync(cacheFolder(host().environment))).toEqual([]);
  });

  it('keeps its cache where XDG says, never in a relative folder', () => {
    expect(cacheFolder({ HOME: '/home/ann', XDG_CACHE_HOME: 'here' })).toBe('/home/ann/.cache/keystead/bin');
    expect(cacheFolder({ XDG_CACHE_HOME: '/var/cache' })).toBe('/var/cache/keystead/bin');
    expect(() => cacheFolder({})).toThrow('set HOME or XDG_CACHE_HOME');
  });

  it('pins the same versions as the Go modules that it builds', () => {
    for (const program of Object.values(programs)) {
      const goMod = readFileSync(`tools/${program.module}/go.mod`, 'utf8');
      expect(goMod).toContain(`${program.goModule} ${program.version}`);
      expect(goMod).toContain(program.goPackage);
    }
  });

  describe('without Go', () => {
    const body = Buffer.from(script(PINNED));
    const digest = createHash('sha256').update(body).digest('hex');
    const site = (published: string) => async (url: string) => (url.endsWith('.sha256') ? Buffer.from(published) : body);

    it('downloads the published program and checks its SHA-256', async () => {
      const download = downloader(site(digest));
      await expect(findBinary('kubectl', host({ build: undefined, download }))).resolves.toBe(cached());
    });

    it.each(['0'.repeat(64), '', '<html>not found</html>'])('refuses it when the published checksum is %j', async (published) => {
      const download = downloader(site(published));
      await expect(findBinary('kubectl', host({ build: undefined, download }))).rejects.toThrow('does not have the SHA-256');
    });

    it('says what to do when the site is out of reach', async () => {
      const download = downloader(() => Promise.reject(new Error('no route')));
      await expect(findBinary('kubectl', host({ build: undefined, download }))).rejects.toThrow('Install Go, or put it on PATH');
    });

    it('reads checksum files of each kind, and only the line of the file asked for', () => {
      expect(checksumIn(`${digest}\n`, 'kubectl')).toBe(digest);
      expect(checksumIn(`${'1'.repeat(64)}  etcd-a.tar.gz\n${digest}  etcd-b.tar.gz\n`, 'etcd-b.tar.gz')).toBe(digest);
      expect(checksumIn(`${digest} *helm.tar.gz`, 'helm.tar.gz')).toBe(digest);
      expect(checksumIn(`${digest}  evil-helm.tar.gz`, 'helm.tar.gz')).toBeUndefined();
    });
  });
});
