import type { Clock } from '../runtime/clock.ts';
import type { FailAt } from '../runtime/fail-point.ts';
import type { Log } from '../runtime/log.ts';
import type { Store } from '../store/store.ts';
import { Auditor } from './auditor.ts';
import { auditKeys } from './chain.ts';
import { Checkpoints } from './checkpoints.ts';
import { GroupCommit, type AuditMetrics } from './group-commit.ts';
import { Journal } from './journal.ts';
import type { AuditRecord } from './record.ts';
import type { AuditSink } from './sink.ts';

export interface AuditOptions {
  readonly sink: AuditSink;
  /** The audit key: 32 bytes, the same for all processes of the installation. */
  readonly key: Buffer;
  /** Names this process, such as `operator-<pod>`; up to 100 characters. */
  readonly writer: string;
  /** For the checkpoints. One that writes without leadership. */
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly failAt: FailAt;
  readonly metrics?: AuditMetrics;
  /** Ends the read at the start. */
  readonly signal: AbortSignal;
}

/** A process's audit log. */
export interface Audit {
  readonly auditor: Auditor;
  /** Writes the last lines and the last checkpoint, within bounds of time, and closes the sinks. Never rejects. */
  close(): Promise<void>;
}

/** Begins the audit log of this process: one read of the store; nothing is written before something is audited. */
export async function startAudit(options: AuditOptions): Promise<Audit> {
  const { sink, clock, store } = options;
  // A container that restarts has the name of its pod again, but begins a chain of its own: two under one name would
  // look like a forgery.
  const writer = `${options.writer}-${clock.now().getTime().toString(36)}`;
  const log = options.log.with({ component: 'audit' });
  const keys = auditKeys(options.key);
  const commit = new GroupCommit({ sink, clock, log, ...(options.metrics === undefined ? {} : { metrics: options.metrics }) });
  const checkpoints: Checkpoints = new Checkpoints({
    writer,
    keys,
    store,
    clock,
    log,
    failAt: options.failAt,
    position: () => commit.accepted,
    record: (record: AuditRecord) => journal.enter(record).accepted,
  });
  const journal = new Journal({ writer, keys, commit, clock, opening: () => checkpoints.opening(), entered: () => checkpoints.entered() });
  await checkpoints.start(options.signal);
  return {
    auditor: new Auditor(journal),
    async close() {
      await commit.close();
      await checkpoints.close();
    },
  };
}
