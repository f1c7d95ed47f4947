import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { resources } from '../../src/kube/resource.ts';
import { adminClient, clientOf } from './admin.ts';

const ORDINARY_VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;

export interface MoreRights {
  /** `<verb> <resource>` of our group, cluster-wide: `recover deletedvaults`. */
  readonly special?: readonly `${string} ${string}`[];
  /** The namespace that is his own: there he may do everything with Secrets too. */
  readonly secretsIn?: string;
}

/**
 * A user with a client certificate who has every ordinary verb on every kind of our group in the whole cluster, and none
 * of the special ones (`grant`, `recover`, `purge`) but those that are named. Answers a client with his credentials.
 */
export async function ordinaryUser(on: ControlPlane, name: string, { special = [], secretsIn }: MoreRights = {}): Promise<KubeClient> {
  const admin = await adminClient(on);
  const rules = [
    { apiGroups: ['keystead.dev'], resources: ['*'], verbs: ORDINARY_VERBS },
    ...special.map((words) => {
      const [verb = '', resource = ''] = words.split(' ');
      return { apiGroups: ['keystead.dev'], resources: [resource], verbs: [verb] };
    }),
  ];
  await admin.create(resources.clusterRoles, { metadata: { name: `user-${name}` }, rules });
  const subjects = [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }];
  const roleRef = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name: `user-${name}` });
  await admin.create(resources.clusterRoleBindings, { metadata: { name: `user-${name}` }, roleRef: roleRef('ClusterRole'), subjects });
  if (secretsIn !== undefined) {
    const metadata = { namespace: secretsIn, name: `user-${name}` };
    await admin.create(resources.roles, { metadata, rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ORDINARY_VERBS }] });
    await admin.create(resources.roleBindings, { metadata, roleRef: roleRef('Role'), subjects });
  }
  return clientOf({ user: name }, on);
}
