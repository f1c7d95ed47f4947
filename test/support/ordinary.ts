import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { resources } from '../../src/kube/resource.ts';
import { adminClient, clientOf } from './admin.ts';

const ORDINARY_VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;

/**
 * A user with a client certificate who has every ordinary verb on every kind of our group in the whole cluster, and none
 * of the special ones (`grant`, `recover`, `purge`). In the namespace `home` he may do everything with Secrets, too.
 * Answers a client with his credentials.
 */
export async function ordinaryUser(on: ControlPlane, name: string, home: string): Promise<KubeClient> {
  const admin = await adminClient(on);
  const rules = [{ apiGroups: ['keystead.dev'], resources: ['*'], verbs: ORDINARY_VERBS }];
  await admin.create(resources.clusterRoles, { metadata: { name: `user-${name}` }, rules });
  const subjects = [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }];
  const roleRef = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name: `user-${name}` });
  await admin.create(resources.clusterRoleBindings, { metadata: { name: `user-${name}` }, roleRef: roleRef('ClusterRole'), subjects });
  const metadata = { namespace: home, name: `user-${name}` };
  await admin.create(resources.roles, { metadata, rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ORDINARY_VERBS }] });
  await admin.create(resources.roleBindings, { metadata, roleRef: roleRef('Role'), subjects });
  return clientOf({ user: name }, on);
}
