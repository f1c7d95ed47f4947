import { resources } from '../../../src/kube/resource.ts';

/** Who attacks. Impersonated by the administrator: the API server then knows nothing but this name and these groups. */
export const actors = {
  /** Every ordinary verb on every kind of our group in team-a; no `grant`. */
  mallory: { user: 'mallory', groups: [] },
  /** The same in the whole cluster, so that DeletedVaults are in reach. */
  trent: { user: 'trent', groups: [] },
  /** Everything on everything in team-a, as the admin of a namespace who gave himself `*`. Includes `grant`. */
  star: { user: 'star', groups: [] },
  /** Ordinary verbs in team-a and `grant` on vault app alone. */
  grace: { user: 'grace', groups: [] },
  /** Ordinary verbs everywhere, and `recover` and `purge` on the DeletedVaults team-a.gone and team-a.locked. */
  rita: { user: 'rita', groups: [] },
  /** Every ordinary verb on Secrets, ConfigMaps and workloads everywhere: somebody else's controller, or edit in our namespace. */
  eve: { user: 'eve', groups: [] },
  /** Nobody can do more, but for the guards. */
  admin: { user: 'root', groups: ['system:masters'] },
  /** Bound to cluster-admin here: the fence must hold by itself. */
  operator: { user: 'system:serviceaccount:keystead-system:keystead-operator', groups: [] },
  server: { user: 'system:serviceaccount:keystead-system:keystead-server', groups: [] },
  /** What deletes objects whose owner is gone; an ownerReference is a way to have it delete something. */
  garbageCollector: { user: 'system:serviceaccount:kube-system:generic-garbage-collector', groups: [] },
  /** What empties namespaces; has no `grant`. */
  namespaceController: { user: 'system:serviceaccount:kube-system:namespace-controller', groups: [] },
} as const;
export type ActorName = keyof typeof actors;

const ordinary = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const ourGroup = { apiGroups: ['keystead.dev'], resources: ['*'], verbs: ordinary };
const users = (...names: string[]) => names.map((name) => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name }));
const roleRef = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });

function clusterWide(name: string, rules: readonly object[], subjects: readonly object[]) {
  return [
    { resource: resources.clusterRoles, object: { metadata: { name }, rules } },
    { resource: resources.clusterRoleBindings, object: { metadata: { name }, roleRef: roleRef('ClusterRole', name), subjects } },
  ];
}

function inTeam(name: string, rules: readonly object[], subjects: readonly object[]) {
  const metadata = { name, namespace: 'team-a' };
  return [
    { resource: resources.roles, object: { metadata, rules } },
    { resource: resources.roleBindings, object: { metadata, roleRef: roleRef('Role', name), subjects } },
  ];
}

/** The RBAC that makes the actors what they are. */
export const actorRights = [
  ...inTeam('ordinary', [ourGroup], users('mallory', 'grace')),
  ...inTeam('star', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], users('star')),
  ...inTeam('grant', [{ apiGroups: ['keystead.dev'], resources: ['vaults'], resourceNames: ['app'], verbs: ['grant'] }], users('grace')),
  ...clusterWide('ordinary', [ourGroup], users('trent', 'rita')),
  ...clusterWide('recover', [{
    apiGroups: ['keystead.dev'], resources: ['deletedvaults'], resourceNames: ['team-a.gone', 'team-a.locked'], verbs: ['recover', 'purge'],
  }], users('rita')),
  ...clusterWide('workloads', [{ apiGroups: ['', 'apps'], resources: ['secrets', 'configmaps', 'deployments'], verbs: ordinary }], users('eve')),
  {
    resource: resources.clusterRoleBindings,
    object: {
      metadata: { name: 'keystead-processes' },
      roleRef: roleRef('ClusterRole', 'cluster-admin'),
      subjects: ['keystead-operator', 'keystead-server'].map((name) => ({ kind: 'ServiceAccount', name, namespace: 'keystead-system' })),
    },
  },
];
