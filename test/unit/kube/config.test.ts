import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inClusterConfig, kubeconfig, kubeconfigFile } from '../../../src/kube/config.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let folder: string;
let clock: FakeClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keystead-config-'));
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true }));

function text(user: object, cluster: object = {}): string {
  return JSON.stringify({
    'current-context': 'main',
    contexts: [
      { name: 'main', context: { cluster: 'c', user: 'u', namespace: 'team' } },
      { name: 'other', context: { cluster: 'c', user: 'nobody' } },
    ],
    clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443/', 'certificate-authority-data': btoa('CA'), ...cluster } }],
    users: [{ name: 'u', user }],
  });
}

describe('a kubeconfig', () => {
  it('gives server, CA, client certificate and namespace', async () => {
    const user = { 'client-certificate-data': btoa('CERT'), 'client-key-data': btoa('KEY') };
    expect(await kubeconfig(text(user), folder, clock)).toEqual({
      server: 'https://api.example:6443',
      ca: 'CA',
      clientCertificate: { cert: 'CERT', key: 'KEY' },
      token: undefined,
      impersonate: undefined,
      namespace: 'team',
    });
  });

  it('is read from a file in YAML, with files named relative to it', async () => {
    await writeFile(join(folder, 'ca.pem'), 'CA FILE');
    await writeFile(join(folder, 'token'), 'one\n');
    const yaml = [
      'current-context: x',
      'contexts: [{name: x, context: {cluster: c, user: u}}]',
      'clusters: [{name: c, cluster: {server: "https://h", certificate-authority: ca.pem}}]',
      'users: [{name: u, user: {tokenFile: token}}]',
    ];
    await writeFile(join(folder, 'config'), yaml.join('\n'));
    const config = await kubeconfigFile(join(folder, 'config'), clock);
    expect([config.ca, config.namespace, await config.token?.current()]).toEqual(['CA FILE', 'default', 'one']);
  });

  it('takes another context by name, even one without a user', async () => {
    expect(await kubeconfig(text({ token: 't' }), folder, clock, 'other')).toMatchObject({ namespace: 'default', token: undefined });
    await expect(kubeconfig(text({}), folder, clock, 'missing')).rejects.toThrow('no context "missing"');
  });

  it.each([
    [{ exec: { command: 'aws' } }, {}, 'has "exec"'],
    [{ 'auth-provider': { name: 'gcp' } }, {}, 'has "auth-provider"'],
    [{ username: 'a', password: 'b' }, {}, 'has "username"'],
    [{ token: 't' }, { 'insecure-skip-tls-verify': true }, 'skips the check'],
    [{ token: 't' }, { server: undefined }, 'with a server'],
  ])('is refused, with what to do, when it asks for %j %j', async (user, cluster, message) => {
    await expect(kubeconfig(text(user, cluster), folder, clock)).rejects.toThrow(message);
  });

  it('may name somebody to impersonate', async () => {
    const config = await kubeconfig(text({ token: 't', as: 'jane', 'as-groups': ['devs'] }), folder, clock);
    expect(config.impersonate).toEqual({ user: 'jane', groups: ['devs'] });
  });
});

describe('inside of a pod', () => {
  it('follows the token as the kubelet replaces it, and reads it at once when it was refused', async () => {
    await Promise.all([writeFile(join(folder, 'ca.crt'), 'CA'), writeFile(join(folder, 'namespace'), 'keystead-system\n'), writeFile(join(folder, 'token'), 'one')]);
    const config = await inClusterConfig('fd00::1', '443', clock, folder);
    expect([config.server, config.namespace]).toEqual(['https://[fd00::1]:443', 'keystead-system']);
    expect(await config.token?.current()).toBe('one');
    await writeFile(join(folder, 'token'), 'two');
    expect(await config.token?.current()).toBe('one');
    await clock.advance(60_000);
    expect(await config.token?.current()).toBe('two');
    await writeFile(join(folder, 'token'), 'three');
    config.token?.refused();
    expect(await config.token?.current()).toBe('three');
  });
});
