import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { auditEvents, auditMark } from '../support/audit-log.ts';
import { adminKubeconfig, apply, controlPlane, createNamespace, kubectl, ownControlPlane, program } from '../support/control-plane.ts';

/** The ground that all other integration tests stand on. */
describe('shared control plane', () => {
  it('serves exactly the version that is pinned, to kubectl of the same version', async () => {
    const version = JSON.parse(await kubectl(['version', '-o', 'json']));
    expect(version.serverVersion).toMatchObject({ gitVersion: 'v1.36.3', major: '1', minor: '36' });
    expect(version.clientVersion.gitVersion).toBe('v1.36.3');
    expect(existsSync(adminKubeconfig())).toBe(true);
  });

  it('holds a ServiceAccount to its RBAC, and tells it in the audit log', async () => {
    const namespace = await createNamespace('access');
    await apply(`
apiVersion: v1
kind: ServiceAccount
metadata: { name: reader, namespace: ${namespace} }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader, namespace: ${namespace} }
rules: [{ apiGroups: [''], resources: [configmaps], verbs: [get, list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: reader, namespace: ${namespace} }]
`);
    const since = auditMark(controlPlane());
    const as = { serviceAccount: 'reader', namespace };
    await expect(kubectl(['get', 'configmap', '-n', namespace, '-o', 'name'], { as })).resolves.toBeDefined();
    await expect(kubectl(['get', 'secret', 'x', '-n', namespace], { as })).rejects.toThrow('Forbidden');
    const events = await auditEvents(controlPlane(), { since, user: `system:serviceaccount:${namespace}:reader` });
    const seen = events.filter(({ objectRef }) => objectRef?.namespace === namespace).map(({ verb, objectRef, responseStatus }) => [verb, objectRef?.resource, responseStatus?.code]);
    expect(seen).toEqual([['list', 'configmaps', 200], ['get', 'secrets', 403]]);
  });

  it('knows users by certificate, with their groups', async () => {
    const as = { user: 'ann', groups: ['auditors', 'night, shift'] };
    const review = JSON.parse(await kubectl(['auth', 'whoami', '-o', 'json'], { as }));
    expect(review.status.userInfo).toMatchObject({ username: 'ann', groups: ['auditors', 'night, shift', 'system:authenticated'] });
    await expect(kubectl(['get', 'secrets', '-A'], { as })).rejects.toThrow('Forbidden');
  });

  it('deletes a namespace with all that is in it, and collects orphans', async () => {
    const namespace = await createNamespace('life');
    await apply([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owner', namespace } },
    ]);
    const uid = await kubectl(['get', 'configmap', 'owner', '-n', namespace, '-o', 'jsonpath={.metadata.uid}']);
    await apply([
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'owned', namespace, ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }] } },
    ]);
    await kubectl(['delete', 'configmap', 'owner', '-n', namespace]);
    await kubectl(['wait', '--for=delete', 'secret/owned', '-n', namespace, '--timeout=30s']);
    await kubectl(['delete', 'namespace', namespace, '--timeout=30s']);
    await expect(kubectl(['get', 'namespace', namespace])).rejects.toThrow('NotFound');
  });

  it('shows what lies in etcd, page by page', async () => {
    const namespace = await createNamespace('etcd');
    await apply(Array.from({ length: 501 }, (_, index) => (
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c${index}`, namespace }, data: { canary: `canary-${index}` } }
    )));
    const entries = await controlPlane().etcdRange(`/registry/configmaps/${namespace}/c`);
    expect(new Set(entries.map(({ key }) => key)).size).toBe(501);
    expect(entries.every(({ value }) => value.includes('canary-'))).toBe(true);
  });

  it('reaches it with the pinned Helm', async () => {
    const { stdout } = await promisify(execFile)(await program('helm'), ['version', '--short']);
    expect(stdout).toMatch(/^v4\.3\.1\b/);
    await expect(promisify(execFile)(await program('helm'), ['list', '-A', '--kubeconfig', adminKubeconfig()])).resolves.toBeDefined();
  });
});

describe('a control plane of its own', () => {
  it('loses nothing when its API server crashes, and leaves nothing behind when it stops', async () => {
    const own = await ownControlPlane();
    await kubectl(['create', 'configmap', 'kept', '--from-literal=a=b'], { on: own });
    await own.killApiServer();
    await expect(kubectl(['get', 'configmap', 'kept'], { on: own })).rejects.toThrow('refused');
    await own.startApiServer();
    await expect(kubectl(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'], { on: own })).resolves.toBe('b');
    await own.stop();
    expect(existsSync(own.directory)).toBe(false);
    await expect(fetch(own.url)).rejects.toThrow('fetch failed');
  });
});
