import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CHECKPOINT_RECORD } from '../../../src/audit/checkpoint-record.ts';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { auditEvents, auditMark, type AuditMark } from '../../support/audit-log.ts';
import { apply, createNamespace, kubectl, ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, OPERATOR_USER, startOperator, until, type RunningOperator } from '../../support/operator.ts';

const run = promisify(execFile);
let on: ControlPlane;
let operator: RunningOperator;
let team: string;

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
  team = await createNamespace('team', {}, on);
  // All at once and in no order, as kubectl apply -f of a folder does.
  await apply([
    keystead('VaultCertificate', 'first', { vaultRef: { name: 'app' }, issuerRef: { name: 'ca' }, dnsNames: ['first.example'], target: {} }),
    keystead('VaultIssuer', 'ca', { ca: { vaultRef: { name: 'app' }, certificateName: 'root' } }),
    keystead('VaultCertificate', 'root', { vaultRef: { name: 'app' }, issuerRef: { name: 'self' }, isCA: true, commonName: 'Team root', duration: '8760h' }),
    keystead('VaultIssuer', 'self', { selfSigned: {} }),
    keystead('Vault', 'app', {}),
  ], { on });
}, 120_000);

afterAll(() => operator.stop());

function keystead(kind: string, name: string, spec: object, metadata: object = {}): object {
  return { apiVersion: 'keystead.dev/v1alpha1', kind, metadata: { name, namespace: team, ...metadata }, spec };
}

function web(name: string, spec: object = {}, metadata: object = {}): object {
  return keystead('VaultCertificate', name, { vaultRef: { name: 'app' }, issuerRef: { name: 'ca' }, dnsNames: [`${name}.example`], target: {}, ...spec }, metadata);
}

function ready(...names: string[]): Promise<string> {
  return kubectl(['wait', '-n', team, '--for=condition=Ready', '--timeout=20s', ...names], { on });
}

async function read<T>(name: string): Promise<T> {
  const object: T = JSON.parse(await kubectl(['get', '-n', team, name, '-o', 'json'], { on }));
  return object;
}

interface TlsSecret {
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

interface Certificate {
  readonly status: {
    readonly revision?: number;
    readonly notAfter?: string;
    readonly renewalTime?: string;
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  };
}

async function field(secret: string, key: string): Promise<string> {
  return Buffer.from((await read<TlsSecret>(`secret/${secret}`)).data[key] ?? '', 'base64').toString();
}

const revision = async (name: string): Promise<number> => (await read<Certificate>(`vaultcertificate/${name}`)).status.revision ?? 0;

/** What the operator asked of the API server since then for objects: not its lease, vaults' own statuses, audit checkpoints. */
async function calls(since: AuditMark): Promise<readonly string[]> {
  const events = await auditEvents(on, { since, user: OPERATOR_USER });
  return events
    .filter(({ verb, objectRef }) => verb !== 'watch' && objectRef?.resource !== 'leases' && objectRef?.resource !== 'vaults' && objectRef?.name !== CHECKPOINT_RECORD)
    .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''}${objectRef?.subresource === undefined ? '' : `/${objectRef.subresource}`}`)
    .toSorted();
}

describe('certificates from an own CA', () => {
  it('become Ready whatever the order in which they, CA, issuers and vault were applied', async () => {
    await ready('vault/app', 'vaultissuer/self', 'vaultissuer/ca', 'vaultcertificate/root', 'vaultcertificate/first');
    expect((await read<TlsSecret>('secret/first')).type).toBe('kubernetes.io/tls');
  });

  it('verify in openssl, with the key that fits', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keystead-'));
    try {
      for (const key of ['tls.crt', 'tls.key', 'ca.crt']) await writeFile(join(folder, key), await field('first', key), { mode: 0o600 });
      const { stdout } = await run('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'first.example', '-CAfile', join(folder, 'ca.crt'), '-untrusted', join(folder, 'tls.crt'), join(folder, 'tls.crt')]);
      expect(stdout).toContain(': OK');
      const pub = async (args: string[]): Promise<string> => (await run('openssl', args)).stdout;
      expect(await pub(['x509', '-in', join(folder, 'tls.crt'), '-noout', '-pubkey'])).toBe(await pub(['pkey', '-in', join(folder, 'tls.key'), '-pubout']));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('cost three writes each, and no read', async () => {
    const mark = auditMark(on);
    await apply(['a', 'b', 'c'].map((name) => web(`budget-${name}`)), { on });
    await ready(...['a', 'b', 'c'].map((name) => `vaultcertificate/budget-${name}`));
    expect(await calls(mark)).toEqual([...Array<string>(6).fill('create secrets'), ...Array<string>(3).fill('update vaultcertificates/status')]);
  });

  it('are renewed by themselves, and the Secret follows', async () => {
    await apply([web('short', { duration: '10s' })], { on });
    await ready('vaultcertificate/short');
    const before = new X509Certificate(await field('short', 'tls.crt'));
    await until(async () => (await revision('short')) >= 2);
    await until(async () => new X509Certificate(await field('short', 'tls.crt')).serialNumber !== before.serialNumber);
    await ready('vaultcertificate/short');
    await kubectl(['delete', '-n', team, 'vaultcertificate/short', '--wait=false'], { on });
  });

  it('are issued anew when somebody asks, once', async () => {
    await apply([web('asked')], { on });
    await ready('vaultcertificate/asked');
    await kubectl(['annotate', '-n', team, 'vaultcertificate/asked', 'keystead.dev/renew=now'], { on });
    await until(async () => (await revision('asked')) === 2);
    await kubectl(['annotate', '-n', team, 'vaultcertificate/asked', 'other=x'], { on });
    await apply([web('asked', { tags: { a: 'b' } })], { on });
    await ready('vaultcertificate/asked');
    expect(await revision('asked')).toBe(2);
  });
});

describe('a restart', () => {
  it('writes nothing for certificates that are there, and issues none again', async () => {
    const before = await field('first', 'tls.crt');
    await operator.stop();
    const mark = auditMark(on);
    operator = await startOperator(on);
    await apply([web('after-restart')], { on });
    await ready('vaultcertificate/after-restart');
    const writes = (await calls(mark)).filter((call) => !/^(get|list) /.test(call));
    expect(writes.filter((call) => call.includes('vaultcertificates'))).toEqual(['update vaultcertificates/status']);
    expect(await field('first', 'tls.crt')).toBe(before);
  });
});

describe('somebody else', () => {
  it('who rewrites a target in a loop makes no certificate more', async () => {
    await apply([web('contested')], { on });
    await ready('vaultcertificate/contested');
    const before = await field('contested', 'tls.crt');
    for (let round = 0; round < 5; round += 1) {
      await kubectl(['patch', '-n', team, 'secret/contested', '-p', JSON.stringify({ stringData: { 'tls.crt': `mine ${round}` } })], { on });
    }
    await until(async () => (await field('contested', 'tls.crt')) === before);
    expect(await revision('contested')).toBe(1);
  });

  it('whose Secret has the name keeps it, and the certificate says so', async () => {
    await apply([{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'taken', namespace: team }, stringData: { mine: 'x' } }, web('taken')], { on });
    await until(async () => (await read<Certificate>('vaultcertificate/taken')).status.conditions?.some(({ reason }) => reason === 'Conflict'));
    expect(Object.keys((await read<TlsSecret>('secret/taken')).data)).toEqual(['mine']);
    expect(await revision('taken')).toBe(1);
    await kubectl(['delete', '-n', team, 'secret/taken'], { on });
  });

  it('who names the target of another certificate gets a Conflict, and the other keeps it', async () => {
    await apply([web('owner', { target: { name: 'shared' } })], { on });
    await ready('vaultcertificate/owner');
    const before = await field('shared', 'tls.crt');
    await apply([web('intruder', { target: { name: 'shared' } })], { on });
    await until(async () => (await read<Certificate>('vaultcertificate/intruder')).status.conditions?.some(({ reason }) => reason === 'Conflict'));
    expect(await field('shared', 'tls.crt')).toBe(before);
    expect([await revision('owner'), await revision('intruder')]).toEqual([1, 1]);
  });

  it('who declares the same object gets nothing', async () => {
    await apply([web('thief', { objectName: 'first' })], { on });
    await until(async () => (await read<Certificate>('vaultcertificate/thief')).status.conditions?.some(({ reason }) => reason === 'Conflict'));
    await expect(kubectl(['get', '-n', team, 'secret/thief'], { on })).rejects.toThrow('not found');
  });
});

describe('a CA that is rotated', () => {
  it('puts both roots into every target before anything is signed by the new one', async () => {
    const roots = async (name: string): Promise<number> => (await field(name, 'ca.crt')).split('BEGIN CERTIFICATE').length - 1;
    expect(await roots('first')).toBe(1);
    await kubectl(['annotate', '-n', team, 'vaultcertificate/root', 'keystead.dev/renew=rotate'], { on });
    await until(async () => (await roots('first')) === 2);
    await until(async () => (await roots('asked')) === 2);
    expect(await revision('first')).toBe(1);
    const old = new X509Certificate(await field('first', 'tls.crt'));
    await apply([web('newcomer')], { on });
    await ready('vaultcertificate/newcomer');
    const fresh = new X509Certificate(await field('newcomer', 'tls.crt'));
    expect(await roots('newcomer')).toBe(2);
    const trusted = (await field('first', 'ca.crt')).split(/(?<=-----END CERTIFICATE-----\n)/).filter((pem) => pem !== '').map((pem) => new X509Certificate(pem));
    for (const leaf of [old, fresh]) expect(trusted.some((root) => leaf.verify(root.publicKey))).toBe(true);
  });
});

describe('deletion', () => {
  it('deletes softly, takes the Secret, and recovers with the same certificate', async () => {
    await apply([web('gone')], { on });
    await ready('vaultcertificate/gone');
    const before = await field('gone', 'tls.crt');
    await kubectl(['delete', '-n', team, 'vaultcertificate/gone'], { on });
    await until(async () => kubectl(['get', '-n', team, 'secret/gone'], { on }).then(() => false, () => true));
    await apply([web('gone')], { on });
    await until(async () => (await read<Certificate>('vaultcertificate/gone')).status.conditions?.some(({ reason }) => reason === 'Conflict'));
    await apply([web('gone', { adopt: true })], { on });
    await ready('vaultcertificate/gone');
    expect(await field('gone', 'tls.crt')).toBe(before);
  });
});

it('never called what it may not', async () => {
  const refused = (await auditEvents(on, { user: OPERATOR_USER })).filter(({ responseStatus }) => responseStatus?.code === 403);
  expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
});
