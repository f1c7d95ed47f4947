import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, symlinkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { auditEvents, auditMark } from '../../support/audit-log.ts';
import { kubeconfigFile, kubectl, ownControlPlane, program } from '../../support/control-plane.ts';
import { OPERATOR_NAMESPACE, OPERATOR_USER, until } from '../../support/operator.ts';
import { Team } from '../../support/team.ts';
import { runProgram, startProgram, type Program } from './program.ts';

let on: ControlPlane;
let team: Team;
let dev: Program;
let folder = '';

const startDev = async (): Promise<Program> => {
  const started = startProgram(['dev', '--kubeconfig', on.adminKubeconfig, '--log-level', 'debug']);
  await started.says(/Ctrl-C ends it/);
  return started;
};
const auditFile = (): string => /audit log (\S+)/.exec(dev.out())?.[1] ?? '';

beforeAll(async () => {
  on = await ownControlPlane();
  folder = mkdtempSync(join(tmpdir(), 'keystead-cli-'));
  dev = await startDev();
  team = await Team.create(on);
  await team.apply(
    team.manifest('Vault', 'app', {}),
    team.manifest('VaultIssuer', 'self', { selfSigned: {} }),
    team.manifest('VaultCertificate', 'root', { vaultRef: { name: 'app' }, issuerRef: { name: 'self' }, isCA: true, commonName: 'Root' }),
    team.manifest('VaultIssuer', 'ca', { ca: { vaultRef: { name: 'app' }, certificateName: 'root' } }),
    team.manifest('VaultCertificate', 'web', { vaultRef: { name: 'app' }, issuerRef: { name: 'ca' }, dnsNames: ['web.example'], target: {} }),
    team.manifest('VaultSecret', 'db', { vaultRef: { name: 'app' }, generate: { password: {} }, target: {} }),
  );
  await team.ready('vaultcertificate/web', 'vaultsecret/db');
}, 120_000);

afterAll(async () => {
  await dev.end('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** `kubectl keystead …`, as a user types it: the real kubectl finds the plugin on PATH. */
async function plugin(args: readonly string[], kubeconfig = on.adminKubeconfig): Promise<{ code: number; out: string; err: string }> {
  const bin = join(folder, 'bin-kubectl-keystead');
  if (!existsSync(bin)) {
    // From the sources, whatever lies in dist.
    writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${resolve('src/main.ts')}' "$@"\n`, { mode: 0o755 });
    symlinkSync(bin, join(folder, 'kubectl-keystead'));
  }
  const env = { PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`, KUBECONFIG: kubeconfig, HOME: folder };
  try {
    const { stdout, stderr } = await promisify(execFile)(await program('kubectl'), ['keystead', ...args], { env });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

const inTeam = (...args: string[]): readonly string[] => [...args, '-n', team.namespace];

describe('keystead dev on any cluster', () => {
  it('says what it installed, and how to go on', () => {
    expect(dev.out()).toMatch(/✓ Installed kinds, guards, accounts, roles: \d\d created, 0 changed, 0 kept/);
    expect(dev.out()).toContain('✓ Operator works, with the rights of ServiceAccount keystead-operator only');
    expect(dev.out()).toContain(`export KUBECONFIG=${on.adminKubeconfig}`);
    expect(dev.out()).toContain('What was installed and made stays in the cluster.');
    expect(dev.err()).toBe('');
  });

  it('works as its ServiceAccount, never as the administrator', async () => {
    const mark = auditMark(on);
    await team.apply(team.manifest('VaultSecret', 'seen', { vaultRef: { name: 'app' }, generate: { uuid: {} }, target: {} }));
    await team.ready('vaultsecret/seen');
    const events = await auditEvents(on, { since: mark });
    const made = events.filter(({ verb, objectRef }) => verb === 'create' && objectRef?.resource === 'secrets');
    // Record and target, and now and then a checkpoint of the audit log; the counts are other tests' to hold.
    expect(made.length).toBeGreaterThanOrEqual(2);
    expect([...new Set(made.map(({ user }) => user.username))]).toEqual([OPERATOR_USER]);
  });

  it('refuses a cluster in which the chart runs an operator', async () => {
    const metadata = { name: 'keystead-operator', namespace: OPERATOR_NAMESPACE };
    const labels = { app: 'x' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'x', image: 'x' }] } };
    await kubectl(['create', '-f', '-'], { on, input: JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { selector: { matchLabels: labels }, template } }) });
    const { code, err } = await runProgram(['dev', '--kubeconfig', on.adminKubeconfig]);
    expect(err).toContain('Keystead is installed in this cluster already: Deployment keystead-system/keystead-operator');
    expect(code).toBe(1);
    await kubectl(['delete', 'deployment', '-n', OPERATOR_NAMESPACE, 'keystead-operator'], { on });
  });
});

describe('kubectl keystead', () => {
  it('renews a certificate', async () => {
    const before = (await team.get('vaultcertificate/web')).status?.['serialNumber'];
    const { code, out } = await plugin(inTeam('renew', 'web'));
    expect(out).toMatch(new RegExp(`^VaultCertificate ${team.namespace}/web is renewed: serial [0-9a-f]+, valid until 20`));
    expect(code).toBe(0);
    expect((await team.get('vaultcertificate/web')).status?.['serialNumber']).not.toBe(before);
  });

  it('says why: the whole chain of what is Ready', async () => {
    const { code, out } = await plugin(inTeam('why', 'kvc/web'));
    // Below the chain may stand warnings of the time when things came in no order.
    const [chain = ''] = out.split('\n\n');
    const lines = chain.trimEnd().split('\n').map((line) => line.replaceAll(team.namespace, 'NS').replace(/: .*$/, ''));
    expect(lines).toEqual([
      '✓ VaultCertificate NS/web',
      '  ✓ Vault NS/app',
      '  ✓ VaultIssuer NS/ca',
      '    ✓ Vault NS/app',
      '    ✓ VaultCertificate NS/root',
      '      ✓ Vault NS/app',
      '      ✓ VaultIssuer NS/self',
      '  ✓ Secret NS/web',
    ]);
    expect(code).toBe(0);
  });

  it('says why not: the cause at the end of the chain, and what to do', async () => {
    await team.apply(
      team.manifest('VaultIssuer', 'lost', { ca: { vaultRef: { name: 'app' }, certificateName: 'nowhere' } }),
      team.manifest('VaultCertificate', 'stuck', { vaultRef: { name: 'app' }, issuerRef: { name: 'lost' }, dnsNames: ['stuck.example'], target: {} }),
    );
    await team.reason('vaultissuer/lost', 'CaNotFound');
    await until(async () => ((await team.find('vaultcertificate/stuck'))?.status?.conditions ?? []).length > 0);
    const { code, out } = await plugin(inTeam('why', 'vaultcertificate', 'stuck'));
    expect(out).toContain(`The cause is VaultIssuer ${team.namespace}/lost: CaNotFound`);
    expect(out).toContain('Create it with isCA: true, or correct the name.');
    expect(code).toBe(1);
    expect((await plugin(inTeam('why', 'pod/x'))).err).toContain('"pod/x" is no resource of Keystead. Write KIND/NAME');
  });

  it('recovers a deleted vault, for whom may', async () => {
    const before = await team.data('db');
    expect((await plugin(inTeam('deleted'))).out).toBe(`Nothing is deleted in namespace ${team.namespace}.\n`);
    await team.kubectl('delete', 'vault/app');
    await until(async () => (await plugin(inTeam('deleted'))).out.includes(`${team.namespace}.app`));
    // An editor of the namespace, but not more.
    const editor = { user: 'editor' };
    await kubectl(['create', 'rolebinding', 'editor', '--clusterrole=keystead-vault-contributor', '--user=editor', '-n', team.namespace], { on });
    const refused = await plugin(inTeam('recover', 'app'), await kubeconfigFile(editor, on));
    expect(refused.err).toContain(`needs the verb "recover" on DeletedVault ${team.namespace}.app`);
    expect(refused.code).toBe(1);
    const { code, out } = await plugin(inTeam('recover', 'app'));
    expect(out).toContain(`Vault ${team.namespace}/app is there again`);
    expect(code).toBe(0);
    await team.ready('vaultsecret/db');
    expect(await team.data('db')).toEqual(before);
  });

  it('purges only what is deleted, and only on a clear word', async () => {
    await team.apply(team.manifest('Vault', 'short', {}));
    await team.ready('vault/short');
    const name = `${team.namespace}.short`;
    expect((await plugin(['purge', name, '--yes'])).err).toContain(`There is no deleted vault ${name}`);
    await team.kubectl('delete', 'vault/short');
    await until(async () => (await plugin(['deleted', '-A'])).out.includes(name));
    const asked = await plugin(['purge', name]);
    expect(asked.err).toContain('Say --yes if that is meant');
    expect(asked.code).toBe(2);
    const { code, out } = await plugin(['purge', name, '--yes']);
    expect(out).toContain('is destroyed');
    expect(code).toBe(0);
    expect((await plugin(['deleted', '-A'])).out).not.toContain(name);
  });
});

describe('a dump of a running operator', () => {
  it('is verified and decrypted offline, and its audit log is held against it', async () => {
    const file = join(folder, 'dump.yaml');
    writeFileSync(file, await kubectl(['get', 'secrets', '-n', OPERATOR_NAMESPACE, '-o', 'yaml'], { on }));
    const verified = await runProgram(['records', 'verify', '--dump', file]);
    expect(verified.out).toMatch(/0 tampered, 0 missing, 0 unlisted\n$/);
    expect(verified.code).toBe(0);
    const decrypted = await runProgram(['records', 'decrypt', '--dump', file, '--vault', `${team.namespace}/app`, '--object', 'db']);
    expect(decrypted.out).toBe((await team.data('db'))['value']);
    const audit = await runProgram(['audit', 'verify', '--dump', file, auditFile()]);
    expect(audit.out).toMatch(/^operator-dev-[0-9a-f]+-\S+: lines 1 to \d+, \d+ intact/);
    expect(audit.code).toBe(0);
    const cut = join(folder, 'cut.jsonl');
    writeFileSync(cut, readFileSync(auditFile(), 'utf8').split('\n').toSpliced(3, 1).join('\n'));
    const found = await runProgram(['audit', 'verify', '--dump', file, cut]);
    expect(found.out).toMatch(/gap: operator-dev-\S+, line \d+ of the input, from 4, to 4/);
    expect(found.code).toBe(1);
  });
});

describe('the end of keystead dev', () => {
  it('is orderly on SIGTERM, and a second run finds everything as it was', async () => {
    expect(await dev.end('SIGTERM')).toBe(0);
    const before = await team.data('db');
    dev = await startDev();
    expect(dev.out()).toMatch(/0 created, 0 changed, \d\d kept/);
    expect(await team.data('db')).toEqual(before);
  });
});

describe('keystead dev with an API server of its own', () => {
  it('brings everything, and leaves nothing behind on Ctrl-C', async () => {
    const own = startProgram(['dev']);
    const [, directory = ''] = await own.says(/export KUBECONFIG=(\S+)\/admin\.kubeconfig/);
    await own.says(/Ctrl-C ends it, and everything is gone/);
    expect(processesOf(directory).length).toBeGreaterThanOrEqual(3);
    const { stdout } = await promisify(execFile)(join(directory, 'bin/kubectl'), ['get', 'crd', 'vaults.keystead.dev', '-o', 'name'], { env: { KUBECONFIG: join(directory, 'admin.kubeconfig'), HOME: directory } });
    expect(stdout).toBe('customresourcedefinition.apiextensions.k8s.io/vaults.keystead.dev\n');
    expect(await own.end('SIGINT')).toBe(0);
    expect(existsSync(directory)).toBe(false);
    expect(processesOf(directory)).toEqual([]);
  });
});

/** Processes whose command line names the folder. */
function processesOf(directory: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
    } catch {
      return false;
    }
  });
}
