import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import { isNotFound } from '../kube/errors.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, type CustomObject } from '../kube/object.ts';
import type { Reason } from '../api/reasons.ts';
import { between, type FailAt } from '../runtime/fail-point.ts';
import { nextConditions, type WantedCondition } from './conditions.ts';

export interface StatusWriter {
  readonly client: KubeClient;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly failAt: FailAt;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** metav1.Condition as the schemas of `src/api` type it. */
interface ConditionLike {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly lastTransitionTime: string;
}

interface CommonStatus {
  readonly observedGeneration?: number | undefined;
  readonly conditions?: readonly ConditionLike[] | undefined;
}

/**
 * The one status write of a reconcile, left out when nothing changed. A PUT with the resourceVersion that was read: if
 * the resource changed meanwhile it is refused, and the newer one is reconciled instead. Answers whether it was written.
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
  try {
    await between(writer.failAt, 'status', () =>
      informer.write(keyOf(object.metadata), () =>
        writer.client.updateStatus<CustomObject<Spec, Status>>(informer.resource, { metadata, spec: object.spec, status: status }, { signal: writer.signal }),
      ),
    );
    warn(writer, object, conditions);
    return true;
  } catch (error) {
    // It went while we worked on it, and the watch is behind: nobody is left to be told anything.
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Reasons of Ready that nobody needs to be warned of. */
const quiet: ReadonlySet<string> = new Set<Reason>(['Ready', 'Disabled', 'DeletedVaultKept']);

/** A Warning event whenever what is wrong is another thing than before (decisions 7). */
function warn(writer: StatusWriter, object: CustomObject<unknown, CommonStatus>, conditions: ReturnType<typeof nextConditions>): void {
  const ready = conditions.find(({ type }) => type === 'Ready');
  const before = object.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined || quiet.has(ready.reason) || ready.reason === before?.reason) return;
  writer.events.record({ regarding: object, type: 'Warning', reason: ready.reason, action: 'Reconcile', note: ready.message });
}
