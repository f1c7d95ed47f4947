import type { AuditOperation } from '../audit/record.ts';
import type { NewVersion, PendingKey, PublishedVersion } from './blobs.ts';
import type { ObjectHead, ObjectKind } from './object-record.ts';

/** What a change makes of a head. The counter and the heads of added versions are the engine's. */
export interface Change {
  readonly operation: AuditOperation;
  readonly kind: ObjectKind;
  readonly head: ObjectHead;
  /** Becomes the current version of its kind. */
  readonly add?: NewVersion;
  /** The key of the version that the head's certificate operation, which this opens, will make. */
  readonly pend?: PendingKey;
  /** What the operation in progress was waiting for: its version becomes the current one, and is not opened for that. */
  readonly publish?: PublishedVersion;
}

/** Decides a change from the head as it is; undefined leaves everything as it is. Must be pure: it may run again. */
export type Decide = (head: ObjectHead | undefined) => Change | undefined;
