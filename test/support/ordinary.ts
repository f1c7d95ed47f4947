import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { resources } from '../../src/kube/resource.ts';
import { adminClient, clientOf } from './admin.ts';

const ORDINARY_VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const;

export interface MoreRights {
  /** `<verb> <resource>` of our group, cluster-wide: `recover deletedvaults`. */
  readonly special?: readonly `${string} ${string}`[];
  /** Whether he may also do everything with Secrets, as somebody with `edit` in every namespace. */
  readonly secrets?: boolean;
}

/**
 * A user with a client certificate who has every ordinary verb on every kind of our group in the whole cluster, and none
 * of the special ones (`grant`, `recover`, `purge`) but those that are named. Answers a client with his credentials.
 */
export async function ordinaryUser(on: ControlPlane, name: string, { special = [], secrets = false }: MoreRights = {}): Promise<KubeClient> {
  const admin = await adminClient(on);
  const rules = [
    { apiGroups: ['keystead.dev'], resources: ['*'], verbs: ORDINARY_VERBS },
    ...special.map((words) => {
      const [verb = '', resource = ''] = words.split(' ');
      return { apiGroups: ['keystead.dev'], resources: [resource], verbs: [verb] };
    }),
    ...(secrets ? [{ apiGroups: [''], resources: ['secrets'], verbs: ORDINARY_VERBS }] : []),
  ];
  await admin.create(resources.clusterRoles, { metadata: { name: `user-${name}` }, rules });
  await admin.create(resources.clusterRoleBindings, {
    metadata: { name: `user-${name}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: `user-${name}` },
    subjects: [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }],
  });
  return clientOf({ user: name }, on);
}
