import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, type CustomObject } from '../kube/object.ts';
import { between, type FailAt } from '../runtime/fail-point.ts';
import { nextConditions, type WantedCondition } from './conditions.ts';

export interface StatusWriter {
  readonly client: KubeClient;
  readonly failAt: FailAt;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** metav1.Condition as the schemas of `src/api` type it. */
interface ConditionLike {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly lastTransitionTime: string;
}

interface CommonStatus {
  readonly observedGeneration?: number | undefined;
  readonly conditions?: readonly ConditionLike[] | undefined;
}

/**
 * The one status write of a reconcile, left out when nothing changed. A PUT with the resourceVersion that was read: if
 * the resource changed meanwhile it is refused, and the newer one is reconciled instead.
 */
export async function writeStatus<Spec, Status extends CommonStatus>(
  writer: StatusWriter,
  informer: Informer<CustomObject<Spec, Status>>,
  object: CustomObject<Spec, Status>,
  wanted: { readonly conditions: readonly WantedCondition[]; readonly fields: Omit<Status, keyof CommonStatus> },
): Promise<boolean> {
  const generation = object.metadata.generation ?? 0;
  const conditions = nextConditions(object.status?.conditions, wanted.conditions, generation, writer.now);
  // JSON has no undefined: without this a status that was read would never equal the one that was written.
  const status: Status = JSON.parse(JSON.stringify({ observedGeneration: generation, conditions, ...wanted.fields }));
  if (isDeepStrictEqual(object.status, status)) return false;
  const { namespace, name, resourceVersion } = object.metadata;
  const metadata = { name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
  await between(writer.failAt, 'status', () =>
    informer.write(keyOf(object.metadata), () =>
      writer.client.updateStatus<CustomObject<Spec, Status>>(informer.resource, { metadata, spec: object.spec, status: status }, { signal: writer.signal }),
    ),
  );
  return true;
}
