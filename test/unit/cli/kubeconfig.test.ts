import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { UsageError } from '../../../src/cli/args.ts';
import { clusterOf } from '../../../src/cli/kubeconfig.ts';

const folder = mkdtempSync(join(tmpdir(), 'keystead-kubeconfig-'));
afterAll(() => rmSync(folder, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function write(user: object, cluster: object = {}, context: object = {}): string {
  const path = join(folder, 'config');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443/', 'certificate-authority-data': base64('CA'), ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', ...context } }, { name: 'other', context: { cluster: 'c', user: 'u', namespace: 'elsewhere' } }],
  };
  writeFileSync(path, stringify(content), { mode: 0o600 });
  return path;
}

const read = (path: string, context?: string) => clusterOf({ path, context });

describe('a kubeconfig of a person', () => {
  it('gives server, authority, token and namespace', async () => {
    const config = await read(write({ token: 'secret-token' }, {}, { namespace: 'team-a' }));
    expect(config).toMatchObject({ server: 'https://api.example:6443', ca: 'CA', clientCertificate: undefined, namespace: 'team-a' });
    await expect(config.token?.current()).resolves.toBe('secret-token');
  });

  it('gives a client certificate, and another context on demand', async () => {
    const path = write({ 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') });
    await expect(read(path, 'other')).resolves.toMatchObject({ clientCertificate: { cert: 'CERT', key: 'KEY' }, token: undefined, namespace: 'elsewhere' });
  });

  it('runs exec plugins, as cloud providers need them', async () => {
    const script = join(folder, 'login');
    const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'from-plugin' } };
    writeFileSync(script, `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`);
    chmodSync(script, 0o755);
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: script, interactiveMode: 'Never' };
    const config = await read(write({ exec }));
    await expect(config.token?.current()).resolves.toBe('from-plugin');
  });

  it.each<[string, object, object, string]>([
    ['no check of the server', { token: 't' }, { 'insecure-skip-tls-verify': true }, 'insecure-skip-tls-verify'],
    ['a proxy', { token: 't' }, { 'proxy-url': 'http://proxy.example' }, 'proxy-url'],
    ['another server name', { token: 't' }, { 'tls-server-name': 'x' }, 'tls-server-name'],
    ['a password', { username: 'u', password: 'p' }, {}, 'username and password'],
    ['a path', { token: 't' }, { server: 'https://rancher.example/k8s/clusters/c-1' }, 'a server with a path'],
    ['no TLS', { token: 't' }, { server: 'http://api.example' }, 'a server without TLS'],
  ])('with %s is refused, rather than connected to otherwise than it says', async (_what, user, cluster, message) => {
    await expect(read(write(user, cluster))).rejects.toThrow(message);
  });

  it('that is not there, or names no context, is refused without quoting it', async () => {
    await expect(read('/nowhere')).rejects.toThrow(UsageError);
    await expect(read(write({ token: 't' }), 'nope')).rejects.toThrow('The kubeconfig has no context "nope" with a cluster');
    const path = join(folder, 'broken');
    writeFileSync(path, 'users: [{name: u, user: {token: sesame}}\n');
    const refused = await read(path).catch((error: unknown) => String(error));
    expect(refused).toContain('cannot be read');
    expect(refused).not.toContain('sesame');
  });
});
