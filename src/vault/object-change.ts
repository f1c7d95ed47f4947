import type { AuditOperation } from '../audit/record.ts';
import type { NewVersion } from './blobs.ts';
import type { ObjectHead, ObjectKind } from './object-record.ts';

/** What a change makes of a head. The counter and the heads of added versions are the engine's. */
export interface Change {
  readonly operation: AuditOperation;
  readonly kind: ObjectKind;
  readonly head: ObjectHead;
  /** Becomes the current version of its kind. */
  readonly add?: NewVersion;
}

/** Decides a change from the head as it is; undefined leaves everything as it is. Must be pure: it may run again. */
export type Decide = (head: ObjectHead | undefined) => Change | undefined;
