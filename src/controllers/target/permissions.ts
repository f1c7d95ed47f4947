import type { Permission } from '../../kube/permissions.ts';

/** Targets are written anywhere, and held to what is ours by the fence (decisions 4, 46); restarts have a switch of their own. */
export const permissions: readonly Permission[] = [
  { apiGroup: '', resource: 'secrets', verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'], scope: 'cluster' },
  { apiGroup: '', resource: 'namespaces', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  { apiGroup: 'apps', resource: 'deployments', verbs: ['get', 'patch'], scope: 'cluster', feature: 'restart' },
  { apiGroup: 'apps', resource: 'statefulsets', verbs: ['get', 'patch'], scope: 'cluster', feature: 'restart' },
  { apiGroup: 'apps', resource: 'daemonsets', verbs: ['get', 'patch'], scope: 'cluster', feature: 'restart' },
];
