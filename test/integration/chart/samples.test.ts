import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { customResources } from '../../../src/api/crds.ts';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { kubectl, ownControlPlane } from '../../support/control-plane.ts';
import { startOperator, type RunningOperator } from '../../support/operator.ts';
import { documentsOf, type Rendered } from '../../unit/chart/rendered.ts';

const TOP = join(import.meta.dirname, '../../..');
const SAMPLES = join(TOP, 'config/samples');
const samples: readonly Rendered[] = readdirSync(SAMPLES).flatMap((file) => documentsOf(readFileSync(join(SAMPLES, file), 'utf8')));
const ours = samples.filter(({ apiVersion }) => apiVersion.startsWith('keystead.dev/'));

/** What a newcomer does: the plain manifests, then the samples. */
let on: ControlPlane;
let operator: RunningOperator;

beforeAll(async () => {
  on = await ownControlPlane();
  await kubectl(['apply', '--server-side', '-f', join(TOP, 'config/install/keystead.yaml')], { on });
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...customResources.map(({ plural }) => `crd/${plural}.keystead.dev`)], { on });
}, 60_000);

afterAll(() => operator?.stop());

async function secret(namespace: string, name: string): Promise<{ type: string; data: Readonly<Record<string, string>> }> {
  return JSON.parse(await kubectl(['-n', namespace, 'get', 'secret', name, '-o', 'json'], { on })) as { type: string; data: Record<string, string> };
}

const plain = (data: Readonly<Record<string, string>>, key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();

describe('the samples', () => {
  it('show every kind that people write', () => {
    const shown = new Set(ours.map(({ kind }) => kind));
    expect([...shown].toSorted()).toEqual(customResources.map(({ kind }) => kind).filter((kind) => kind !== 'DeletedVault').toSorted());
  });

  it('are taken in the worst order too, but for the namespaces', async () => {
    const [namespaces, others] = [samples.filter(({ kind }) => kind === 'Namespace'), samples.filter(({ kind }) => kind !== 'Namespace')];
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...namespaces, ...others.toReversed()] });
    await kubectl(['apply', '-f', '-'], { on, input });
  });

  it('say InProgress before any operator has looked (kstatus)', async () => {
    const live = JSON.parse(await kubectl(['-n', 'team-a', 'get', 'keystead', '-o', 'json'], { on })) as { items: { status: { observedGeneration: number } }[] };
    expect(live.items).toHaveLength(ours.length);
    expect(live.items.map(({ status }) => status.observedGeneration)).toEqual(ours.map(() => -1));
  });

  it('all become Ready, and applying them again changes nothing', async () => {
    operator = await startOperator(on);
    const names = ours.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
    await kubectl(['-n', 'team-a', 'wait', '--for=condition=Ready', '--timeout=40s', ...names], { on });
    const again = await kubectl(['apply', '-f', SAMPLES], { on });
    // kubectl does not know that stringData is in data already; the API server finds nothing changed.
    expect(again.trim().split('\n').filter((line) => !line.endsWith(' unchanged'))).toEqual(['secret/mail-provider configured']);
  });

  it('write the Secrets that they say', async () => {
    const database = await secret('team-a', 'database');
    const password = plain(database.data, 'password');
    expect(password).toHaveLength(40);
    expect(plain(database.data, 'url')).toBe(`postgres://app:${encodeURIComponent(password)}@database:5432/app`);
    const dashboard = await secret('team-a', 'dashboard');
    expect(dashboard.type).toBe('kubernetes.io/basic-auth');
    expect(plain(dashboard.data, 'username')).toBe('admin');
    expect(plain((await secret('team-b', 'team-a-token')).data, 'value')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('give certificates that chain to the CA, whose key is nowhere', async () => {
    const { type, data } = await secret('team-a', 'web-tls');
    expect(type).toBe('kubernetes.io/tls');
    const [leaf, root] = [new X509Certificate(plain(data, 'tls.crt')), new X509Certificate(plain(data, 'ca.crt'))];
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkHost('web.team-a.svc')).toBe('web.team-a.svc');
    expect(root.subject).toBe('CN=Team A Root CA');
    await expect(secret('team-a', 'root-ca')).rejects.toThrow('not found');
    expect((await secret('team-a', 'short-lived-tls')).type).toBe('kubernetes.io/tls');
  });
});
