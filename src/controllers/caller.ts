import type { KubeObject } from '../kube/object.ts';
import type { Caller } from '../vault/context.ts';

/** Who stands in the audit log for what a controller does on behalf of a resource. */
export function callerFor(controller: string, signal: AbortSignal, object?: Pick<KubeObject, 'kind' | 'metadata'>): Caller {
  const actor = { kind: 'controller', username: `keystead-operator/${controller}` } as const;
  if (object === undefined) return { signal, actor };
  const { namespace = '', name, uid } = object.metadata;
  return { signal, actor, resource: { kind: object.kind, namespace, name, uid } };
}
