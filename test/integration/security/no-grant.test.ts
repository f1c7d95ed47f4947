import { createPrivateKey, createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { resources } from '../../../src/kube/resource.ts';
import { adminClient, closeClients } from '../../support/admin.ts';
import { canary, holds } from '../../support/canary.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, OPERATOR_NAMESPACE, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { ordinaryUser } from '../../support/ordinary.ts';
import { expectOrderlyCalls } from '../../support/orderly-calls.ts';
import { Tenant } from '../../support/tenant.ts';
import { attacks, type Scene } from './attacks.ts';

/**
 * A user with every ordinary verb on every kind of the group, but no `grant`, opens nothing that others put in: attack by
 * attack, with real credentials, against an operator that runs. After each of them, every Secret of the cluster is looked
 * at for what the team has put in.
 */

const inApp = { vaultRef: { name: 'app' } };
const hidden = Array.from({ length: 4 }, (_, n) => `hidden-${n + 1}`);

let on: ControlPlane;
let operator: RunningOperator;
let scene: Scene;
/** What the team has put in, and where it may lie. */
const treasures = new Map<string, readonly string[]>();
/** Public keys of CAs whose private keys may lie nowhere. */
const hiddenKeys = new Set<string>();

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  operator = await startOperator(on);
  const team = await Tenant.create(on, 'team');
  const den = await Tenant.create(on, 'den', { [`sync.keystead.dev/${team.namespace}`]: 'allow' });
  scene = { team, den, mallory: await ordinaryUser(on, 'mallory', den.namespace) };
  await layOut(scene);
}, 120_000);

afterAll(async () => {
  await operator.stop();
  await closeClients(on);
});

async function layOut({ team, den }: Scene): Promise<void> {
  const value = canary();
  treasures.set(value, [`${team.namespace}/source`, `${team.namespace}/shown`]);
  const priv = canary();
  treasures.set(priv, [`${team.namespace}/private`]);
  await team.apply('Secret/source', { stringData: { value } }, { labels: { 'keystead.dev/source': 'app' } });
  await team.apply('Secret/private', { stringData: { value: priv } });
  for (const name of ['app', 'empty', 'deleted']) await team.declare(`Vault/${name}`, {});
  await den.declare('Vault/mine', {});
  const followed = { ...inApp, secretRef: { name: 'source' } };
  for (const name of [...hidden, 'gone']) await team.declare(`VaultSecret/${name}`, followed);
  await team.declare('VaultSecret/kept', { ...followed, deletionPolicy: 'Retain' });
  await team.declare('VaultSecret/shown', { ...followed, target: {} });
  await team.declare('VaultIssuer/self', { selfSigned: {} });
  for (const name of ['root', 'second-root']) {
    await team.declare(`VaultCertificate/${name}`, { ...inApp, issuerRef: { name: 'self' }, isCA: true, commonName: name, privateKey: { rotationPolicy: 'Never' } });
  }
  await team.declare('VaultIssuer/ca', { ca: { ...inApp, certificateName: 'root' } });
  await team.declare('VaultCertificate/web', { ...inApp, issuerRef: { name: 'ca' }, dnsNames: ['web.example'], target: {} });
  await team.declare('AccessPolicy/narrow', { ...inApp, objects: { names: ['nothing'] }, syncTo: [team.namespace] });
  await team.declare('AccessPolicy/deny', { ...inApp, effect: 'Deny', syncTo: ['elsewhere'] });
  await team.ready(...hidden.map((name) => `VaultSecret/${name}` as const), 'VaultSecret/gone', 'VaultSecret/kept', 'VaultSecret/shown', 'VaultIssuer/ca', 'VaultCertificate/web', 'VaultCertificate/second-root');
  await team.remove('VaultSecret/gone');
  await team.remove('VaultSecret/kept');
  await until(async () => (await team.objectHead('gone'))?.secret?.deleted !== undefined && (await team.objectHead('kept'))?.secret?.declaredBy === undefined);
  await team.remove('Vault/deleted');
  treasures.set(await keyBody(team, 'web'), [`${team.namespace}/web`]);
  for (const name of ['root', 'second-root']) hiddenKeys.add(publicKeyOf(await team.certificatePem(name)));
}

/** What two keys of a pair have in common. */
function publicKeyOf(pem: string): string {
  return createPublicKey(pem).export({ type: 'spki', format: 'der' }).toString('base64');
}

/** The key's own bytes, which no other key has. */
async function keyBody(team: Tenant, secret: string): Promise<string> {
  const der = createPrivateKey((await team.data(secret))?.['tls.key'] ?? '').export({ type: 'pkcs8', format: 'der' });
  return der.subarray(-60).toString('latin1');
}

/** The Secrets outside of the operator's own namespace that hold what they must not. */
async function breaches(): Promise<readonly string[]> {
  const { items } = await (await adminClient(on)).list(resources.secrets);
  return items.filter(({ metadata }) => metadata.namespace !== OPERATOR_NAMESPACE).flatMap(({ metadata, data = {} }) => {
    const at = `${metadata.namespace ?? ''}/${metadata.name}`;
    const content = [JSON.stringify(metadata), ...Object.values(data).map((text) => Buffer.from(text, 'base64').toString('latin1'))];
    const found = [...treasures].filter(([treasure, allowed]) => !allowed.includes(at) && content.some((text) => holds(text, treasure)));
    const key = Buffer.from(data['tls.key'] ?? '', 'base64').toString();
    return [...found.map(([treasure]) => `${at} holds ${treasure.slice(0, 8)}`), ...(key !== '' && hiddenKeys.has(publicKeyOf(key)) ? [`${at} holds a CA's key`] : [])];
  });
}

describe('a user with every ordinary verb and no grant, who', () => {
  it.each(attacks)('$does', async ({ attempt, outcome }) => {
    const before = [await scene.team.find('Secret/web'), await scene.team.data('shown')];
    const answer = await attempt(scene).then(() => 'accepted', (error: unknown) => String(error));
    expect(answer).toMatch('refused' in outcome ? outcome.refused : /^accepted$/);
    if ('reason' in outcome) await scene[outcome.place].reason(outcome.ref, outcome.reason);
    expect(await breaches()).toEqual([]);
    expect([await scene.team.find('Secret/web'), await scene.team.data('shown')]).toEqual(before);
  });
});

it('was refused nothing in all of this, and asked for nothing that it does not declare', () => expectOrderlyCalls(on));
