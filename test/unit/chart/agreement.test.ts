import { describe, expect, it } from '@jest/globals';
import { deniedDomains } from '../../../src/api/target.ts';
import { guards } from '../../../src/access/guards/guards.ts';
import type { Manifest } from '../../../src/operator/manifest.ts';
import { defaultInstallation, guardsOf, installation, type InstallationOptions } from '../../../src/operator/manifests.ts';
import { guardParameters } from '../../../src/operator/operator.ts';
import type { ChartValues } from '../../../tools/generate/chart/values.ts';
import { idOf, rendered } from './rendered.ts';

/** The chart and `keystead dev` install the same: both come from src/operator/manifests.ts. */
describe.each<[string, ChartValues, Partial<InstallationOptions>]>([
  ['with its defaults', {}, {}],
  ['in another namespace, with a name that is no word in YAML', {}, { namespace: '123' }],
  ['for listed namespaces', { rbac: { namespaces: ['team-a', '007'] } }, { namespaces: ['team-a', '007'] }],
  ['with restart', { rbac: { restart: true } }, { features: ['restart'] }],
  ['with other domains', { targets: { deniedDomains: ['a.example.com', 'b.example.com'] } }, { deniedDomains: ['a.example.com', 'b.example.com'] }],
  ['without aggregation', { rbac: { aggregateRoles: false } }, { aggregation: 'separate' }],
])('the chart %s', (_what, values, options) => {
  it('renders exactly the objects of the source', async () => {
    const chosen = { ...defaultInstallation, ...options };
    const expected = installation(chosen).filter(({ kind }) => kind !== 'Namespace');
    const objects = await rendered({ ...values, crds: { keep: false }, guards: { keep: false } }, chosen.namespace);
    const kinds = new Set(expected.map(({ kind }) => kind));
    const found = objects.filter(({ kind }) => kinds.has(kind));
    expect(found.map(idOf).toSorted()).toEqual(expected.map(idOf).toSorted());
    const objectOf = new Map(found.map((object) => [idOf(object), object]));
    for (const object of expected) expect(objectOf.get(idOf(object))).toEqual(JSON.parse(JSON.stringify(object)));
  });
});

it('the guards are those that the operator looks for', () => {
  const deployment = { namespace: 'elsewhere', deniedDomains: [...deniedDomains], restart: false };
  const expected = guards(guardParameters(deployment)).flatMap(({ policy, binding }) => [policy, binding]);
  expect([...guardsOf(deployment)].toSorted(byId)).toEqual([...expected].toSorted(byId));
});

function byId(a: Manifest, b: Manifest): number {
  return idOf(a).localeCompare(idOf(b));
}

it('no rights are given to an operator of listed namespaces that fit only one of the whole cluster', () => {
  expect(() => installation({ ...defaultInstallation, namespaces: ['team-a'], features: ['restart'] })).toThrow('can not have restart');
  expect(() => installation({ ...defaultInstallation, namespaces: [] })).toThrow('would serve nobody');
});

it('an operator of listed namespaces reads Secrets nowhere else', () => {
  const objects = installation({ ...defaultInstallation, namespaces: ['team-a', 'team-b'] });
  const clusterWide = objects.filter(({ kind }) => kind === 'ClusterRoleBinding').map((object) => (object as Manifest & { roleRef: { name: string } }).roleRef.name);
  const reading = objects.filter((object) => object.kind === 'ClusterRole' && JSON.stringify(object).includes('"secrets"')).map(({ metadata }) => metadata.name);
  expect(reading).toEqual(['keystead-operator']);
  expect(clusterWide).not.toContain('keystead-operator');
});
