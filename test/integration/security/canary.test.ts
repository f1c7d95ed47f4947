import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { createLog } from '../../../src/observe/log.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { operatorMetrics } from '../../../src/operator/operator-metrics.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { closeClients } from '../../support/admin.ts';
import { canary, etcdKeysHolding, formsOf, holds } from '../../support/canary.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { dieAt } from '../../support/mortal.ts';
import { installKeystead, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { expectOrderlyCalls } from '../../support/orderly-calls.ts';
import { Tenant, type Ref } from '../../support/tenant.ts';

/**
 * Values that must be nowhere but where they belong: in their source, in their target, and encrypted in the records.
 * Looked for in everything that Keystead says, and in every byte that etcd holds.
 */

const inApp = { vaultRef: { name: 'app' } };

let on: ControlPlane;
let tenant: Tenant;
let operator: RunningOperator;
const metrics = new Metrics({ version: 'test' });
let log = '';
/** What must not be seen, and the Secrets in which it lies by right. */
const secrets = new Map<string, readonly string[]>();

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString('utf8');
      done();
    },
  });
  const choices = { log: createLog({ level: 'debug', destination, clock: systemClock }), metrics: operatorMetrics(metrics) };
  tenant = await Tenant.create(on);
  await layOut();
  // One that dies in the middle leaves what a crash leaves.
  await dieAt(on, 'record:after', choices);
  await dieAt(on, 'target:before', choices);
  operator = await startOperator(on, choices);
  await bringAbout();
}, 120_000);

afterAll(async () => {
  await operator.stop();
  await closeClients(on);
});

/** A source with a value that nobody else has. */
async function source(name: string, value: string, targets: readonly string[]): Promise<object> {
  await tenant.apply(`Secret/${name}-source`, { stringData: { value } }, { labels: { 'keystead.dev/source': 'app' } });
  secrets.set(value, [`${name}-source`, ...targets]);
  return { secretRef: { name: `${name}-source` } };
}

/** Each of these meets its value on another way, and several of them fail on it. */
async function layOut(): Promise<void> {
  await tenant.declare('Vault/app', {});
  await tenant.declare('VaultIssuer/self', { selfSigned: {} });
  await tenant.declare('VaultSecret/plain', { ...inApp, ...(await source('plain', canary(), ['plain'])), target: {} });
  await tenant.declare('VaultSecret/untold', { ...inApp, ...(await source('untold', canary(), [])) });
  const template = (data: object, more: object = {}) => ({ target: { ...more, template: { data } } });
  await tenant.declare('VaultSecret/rendered', { ...inApp, ...(await source('rendered', canary(), ['rendered'])), ...template({ url: 'https://user:{{ value }}@host' }) });
  await tenant.declare('VaultSecret/template', { ...inApp, ...(await source('template', canary(), [])), ...template({ broken: '{{ value | nothing }}' }) });
  await tenant.declare('VaultSecret/label', { ...inApp, ...(await source('label', `${canary()} / not a label`, [])), target: { template: { labels: { 'app.example.com/name': '{{ value }}' } } } });
  await tenant.declare('VaultSecret/docker', { ...inApp, ...(await source('docker', canary(), [])), ...template({ '.dockerconfigjson': '{{ value }}' }, { type: 'kubernetes.io/dockerconfigjson' }) });
  await tenant.declare('VaultSecret/taken', { ...inApp, ...(await source('taken', canary(), [])), target: {} });
  await tenant.apply('Secret/taken', { stringData: { a: 'theirs' } });
  await tenant.declare('VaultCertificate/web', { ...inApp, issuerRef: { name: 'self' }, dnsNames: ['web.example'], target: {} });
  await tenant.declare('VaultSecret/made', { ...inApp, generate: { password: {} }, target: {} });
}

async function bringAbout(): Promise<void> {
  await tenant.ready('VaultSecret/plain', 'VaultSecret/untold', 'VaultSecret/rendered', 'VaultCertificate/web', 'VaultSecret/made');
  const failing: readonly (readonly [Ref, string])[] = [
    ['VaultSecret/template', 'TemplateInvalid'], ['VaultSecret/docker', 'TargetTypeMismatch'], ['VaultSecret/taken', 'Conflict'], ['VaultSecret/label', 'TemplateInvalid'],
  ];
  for (const [ref, reason] of failing) await tenant.reason(ref, reason);
  secrets.set((await tenant.data('made'))?.['value'] ?? '', ['made']);
  // The middle of the key's PEM: its first line is the same for every key.
  const key = (await tenant.data('web'))?.['tls.key'] ?? '';
  secrets.set(key.split('\n').slice(1, -2).join('').slice(30), ['web']);
  secrets.set(key.split('\n')[2] ?? '', ['web']);
  // A change, a repair, an event, a deletion and a recovery pass by their values too.
  const second = canary();
  await source('plain', second, ['plain']);
  await until(async () => (await tenant.data('plain'))?.['value'] === second);
  await tenant.annotate('Vault/app', { 'keystead.dev/rotate-vault-key': 'now' });
  await tenant.when('Vault/app', ({ status }) => status?.['vaultKeyVersion'] === 2 && status['versionsNotUnderCurrentKey'] === 0);
  await tenant.remove('VaultSecret/untold');
  await until(async () => (await tenant.objectHead('untold'))?.secret?.deleted !== undefined);
}

describe('what this test looks for', () => {
  it('would be found: the values are where they belong, and in every form', async () => {
    expect(secrets.size).toBeGreaterThan(9);
    const [value = '', at = []] = [...secrets].find(([, where]) => where.length === 2 && where.includes('rendered')) ?? [];
    const keys = await etcdKeysHolding(on, value);
    expect(keys.toSorted()).toEqual(at.map((name) => `/registry/secrets/${tenant.namespace}/${name}`).toSorted());
    for (const before of ['', 'x', 'xy', 'xyz']) {
      expect(holds(Buffer.from(`${before}${value}zzz`).toString('base64'), value)).toBe(true);
    }
    expect(formsOf(value).every((form) => form.length > 20)).toBe(true);
    expect([log, operator.audit.lines.join()]).toEqual([expect.stringContaining('TemplateInvalid'), expect.stringContaining('SecretSync')]);
    expect(new X509Certificate((await tenant.data('web'))?.['tls.crt'] ?? '').subjectAltName).toBe('DNS:web.example');
  });
});

describe('a secret value', () => {
  it('lies in etcd in nothing but its source and its target', async () => {
    for (const [value, at] of secrets) {
      const allowed = at.map((name) => `/registry/secrets/${tenant.namespace}/${name}`);
      expect((await etcdKeysHolding(on, value)).filter((key) => !allowed.includes(key))).toEqual([]);
    }
  });

  it.each([
    ['the log at its highest level', () => log],
    ['the audit log of Keystead', () => operator.audit.lines.join('\n')],
    ['the audit log of the API server', () => readFileSync(on.auditLog, 'utf8')],
    ['metrics', async () => (await metrics.text()).body],
    ['the reason why it is not ready', () => operator.operator.problem ?? 'none'],
  ])('is not in %s', async (_where, read) => {
    const text = await read();
    expect(text.length).toBeGreaterThan(3);
    expect([...secrets.keys()].filter((value) => holds(text, value))).toEqual([]);
  });
});

it('was refused nothing in all of this, and asked for nothing that it does not declare', () => expectOrderlyCalls(on));
