import { z } from 'zod';
import { cel, dateTime, list, text } from './schema.ts';

/** An object of the Kubernetes API as it comes over the wire: times are RFC 3339 strings, nothing is a class. */
export interface KubeObject<Spec, Status> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status;
}

/** The part of metav1.ObjectMeta that Keystead reads; of an object that the API server has stored. */
export interface ObjectMeta {
  readonly name: string;
  /** Absent on cluster-scoped objects. */
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** metav1.Condition. `lastTransitionTime` changes only with `status`. */
export const condition = z.object({
  type: text(316).describe('What the condition is about, such as Ready.'),
  status: z.enum(['True', 'False', 'Unknown']),
  observedGeneration: z.int().min(0).optional().describe('The metadata.generation that the condition was set for.'),
  lastTransitionTime: dateTime('When the status last changed from one value to another.'),
  reason: text(1024).min(1).describe('One word for programs; docs/reference/reasons.md explains each.'),
  message: z.string().max(32768).describe('For people: what happened, why, and what to do next.'),
});
export type Condition = z.output<typeof condition>;

/**
 * Fields of every status. The schema's default, `observedGeneration: -1`, makes kstatus say InProgress before the
 * operator has looked at an object for the first time, and costs no write (decision 49).
 */
export const commonStatus = {
  observedGeneration: z.int().min(-1).optional().describe('The metadata.generation that this status is about; -1 until the operator has looked.'),
  conditions: list(condition, 16, { map: ['type'] }).optional()
    .describe('Ready is always there; Reconciling and Stalled only while they are True.'),
};

/** `spec.vaultRef` of every kind: always a vault of the same namespace, and the same one for ever (decisions 27, 51). */
export const vaultRef = z.object({
  name: text(24).min(1).describe('Name of a Vault of the same namespace.'),
}).meta({
  description: 'The vault that this belongs to. It cannot be changed.',
  'x-kubernetes-validations': [
    cel('self.name == oldSelf.name', 'vaultRef cannot be changed: delete this resource and create it again for the other vault'),
  ],
});
