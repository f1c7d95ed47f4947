import { beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import { guards } from '../../../src/access/guards/guards.ts';
import { guardProblems, type LiveGuardObject } from '../../../src/access/guards/verify.ts';
import { customResources } from '../../../src/api/crds.ts';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import type { Manifest } from '../../../src/operator/manifest.ts';
import { guardParameters } from '../../../src/operator/operator.ts';
import { render } from '../../../tools/generate/chart/helm.ts';
import { valueSets } from '../../../tools/generate/chart/value-sets.ts';
import { kubectl, ownControlPlane } from '../../support/control-plane.ts';
import { deployment, OPERATOR_NAMESPACE, startOperator, until } from '../../support/operator.ts';
import { documentsOf, rendered } from '../../unit/chart/rendered.ts';
import { Release } from './helm.ts';

/** Guards and kinds are cluster-wide, so the control plane is this file's own. */
let on: ControlPlane;
let release: Release;

beforeAll(async () => {
  on = await ownControlPlane();
  release = new Release(on);
  await release.install();
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...customResources.map(({ plural }) => `crd/${plural}.keystead.dev`)], { on });
}, 60_000);

async function items<T>(...args: readonly string[]): Promise<readonly T[]> {
  return (JSON.parse(await kubectl(['get', ...args, '-o', 'json'], { on })) as { items: readonly T[] }).items;
}

/** Whether the API server's authorizer lets somebody do it. */
async function can(user: string, verb: string, resource: string, namespace: string): Promise<boolean> {
  const spec = { user, resourceAttributes: { group: 'keystead.dev', namespace, resource, verb } };
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const answer = JSON.parse(await kubectl(['create', '-f', '-', '-o', 'json'], { on, input: JSON.stringify(review) })) as { status: { allowed: boolean } };
  return answer.status.allowed;
}

describe('an installation by Helm', () => {
  it('has all guards as the operator expects them', async () => {
    const live = {
      policies: await items<LiveGuardObject>('validatingadmissionpolicies'),
      bindings: await items<LiveGuardObject>('validatingadmissionpolicybindings'),
    };
    expect(guardProblems(guards(guardParameters(deployment)), live)).toEqual([]);
  });

  it('puts every kind into the category keystead', async () => {
    expect(await kubectl(['get', 'keystead', '-A'], { on })).toBe('');
    const names = (await kubectl(['api-resources', '--categories=keystead', '-o', 'name'], { on })).trim().split('\n');
    expect(names.toSorted()).toEqual(customResources.map(({ plural }) => `${plural}.keystead.dev`).toSorted());
  });

  it('runs a pod that the strictest Pod Security Standard admits', async () => {
    await kubectl(['label', 'namespace', OPERATOR_NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted'], { on });
    for (const values of [{}, valueSets['audit-file'] ?? {}]) {
      const { spec } = (await rendered(values)).find(({ kind }) => kind === 'Deployment') as unknown as { spec: { template: { spec: object } } };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tried', namespace: OPERATOR_NAMESPACE }, spec: spec.template.spec };
      await expect(kubectl(['create', '--dry-run=server', '-f', '-'], { on, input: JSON.stringify(pod) })).resolves.toContain('created');
    }
  });

  it("gives the operator's requests a priority level of their own, and its lease the one for leases", async () => {
    const flows = new Map((await items<Manifest & { metadata: { uid: string } }>('flowschemas')).map(({ metadata }) => [metadata.uid, metadata.name]));
    const flowOf = await flowFinder();
    await until(async () => flows.get(await flowOf('/api/v1/secrets?limit=1')) === 'keystead');
    expect(flows.get(await flowOf(`/apis/coordination.k8s.io/v1/namespaces/${OPERATOR_NAMESPACE}/leases/keystead-operator`))).toBe('keystead-leader-election');
  });

  it('lets the operator work with no right beside those of the chart', async () => {
    const operator = await startOperator(on);
    await until(() => operator.operator.synced && operator.operator.problem === undefined);
    await until(async () => (await kubectl(['-n', OPERATOR_NAMESPACE, 'get', 'secret', 'keystead-root-key', '--ignore-not-found', '-o', 'name'], { on })) !== '');
    await operator.stop();
  });
});

/** Who asks as the operator learns from the answer how the API server classified him. */
async function flowFinder(): Promise<(path: string) => Promise<string>> {
  const config = parse(await on.kubeconfigForServiceAccount(OPERATOR_NAMESPACE, 'keystead-operator')) as { users: [{ user: { token: string } }] };
  const dispatcher = new Agent({ connect: { ca: on.caPem } });
  return async (path) => {
    const { headers, body } = await request(`${on.url}${path}`, { dispatcher, headers: { authorization: `Bearer ${config.users[0].user.token}` } });
    await body.dump();
    return String(headers['x-kubernetes-pf-flowschema-uid']);
  };
}

describe('the predefined roles in a namespace', () => {
  beforeAll(async () => {
    await kubectl(['create', 'namespace', 'roles'], { on });
    for (const role of ['view', 'edit', 'admin', 'keystead-secrets-officer', 'keystead-vault-grantor']) {
      await kubectl(['-n', 'roles', 'create', 'rolebinding', role, `--clusterrole=${role}`, `--user=${role}`], { on });
    }
    // Aggregation is a controller's work.
    await until(() => can('admin', 'create', 'vaults', 'roles'));
  });

  it.each([
    ['view', 'get', 'vaultsecrets', true],
    ['view', 'create', 'vaults', false],
    ['edit', 'list', 'vaults', true],
    ['edit', 'delete', 'vaults', false],
    ['edit', 'update', 'vaultsecrets', false],
    ['admin', 'create', 'vaults', true],
    ['admin', 'create', 'vaultsecrets', false],
    ['admin', 'create', 'vaultcertificates', false],
    ['admin', 'create', 'accesspolicies', false],
    ['admin', 'grant', 'vaults', false],
    ['keystead-secrets-officer', 'create', 'vaultsecrets', true],
    ['keystead-secrets-officer', 'create', 'vaultcertificates', false],
    ['keystead-secrets-officer', 'grant', 'vaults', false],
    ['keystead-vault-grantor', 'grant', 'vaults', true],
    ['keystead-vault-grantor', 'create', 'accesspolicies', true],
    ['keystead-vault-grantor', 'recover', 'deletedvaults', false],
  ])('%s: %s %s: %s', async (user, verb, resource, allowed) => {
    expect(await can(user, verb, resource, 'roles')).toBe(allowed);
  });

  it('reach no further than the namespace', async () => {
    expect(await can('keystead-vault-grantor', 'grant', 'vaults', 'default')).toBe(false);
  });
});

describe('every set of values', () => {
  it.each(Object.entries(valueSets))('%s is taken by the API server', async (_name, values) => {
    for (const namespace of values.rbac?.namespaces ?? []) await kubectl(['create', 'namespace', namespace], { on });
    // Kinds of the Prometheus operator are not here.
    const objects = documentsOf(await render(values)).filter(({ apiVersion }) => !apiVersion.startsWith('monitoring.coreos.com/'));
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    await kubectl(['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-'], { on, input });
  });
});

describe('the end of a release', () => {
  it('leaves kinds, resources, guards, records and root key, and the next installation takes them over', async () => {
    const vault = { apiVersion: 'keystead.dev/v1alpha1', kind: 'Vault', metadata: { name: 'kept', namespace: 'default' } };
    await kubectl(['create', '-f', '-'], { on, input: JSON.stringify(vault) });
    const rootKey = await kubectl(['-n', OPERATOR_NAMESPACE, 'get', 'secret', 'keystead-root-key', '-o', 'jsonpath={.metadata.uid}'], { on });

    await release.uninstall();
    expect(await kubectl(['get', 'clusterrolebindings', '-o', 'name'], { on })).not.toContain('keystead');
    await expect(kubectl(['delete', 'namespace', OPERATOR_NAMESPACE], { on })).rejects.toThrow('deleting it destroys them all');
    await expect(kubectl(['-n', OPERATOR_NAMESPACE, 'delete', 'secret', 'keystead-root-key'], { on })).rejects.toThrow('without it every vault is lost');

    await release.install({ rbac: { restart: true } });
    expect(await kubectl(['-n', OPERATOR_NAMESPACE, 'get', 'secret', 'keystead-root-key', '-o', 'jsonpath={.metadata.uid}'], { on })).toBe(rootKey);
    expect(await kubectl(['get', 'vault', 'kept', '-o', 'name'], { on })).toBe('vault.keystead.dev/kept\n');
  });

  it('is no matter to an upgrade, which takes away what is switched off', async () => {
    await release.upgrade({});
    expect(await kubectl(['get', 'clusterrole', 'keystead-operator-restart', '--ignore-not-found'], { on })).toBe('');
  });
});
