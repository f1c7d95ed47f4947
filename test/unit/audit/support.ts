import { startAudit, type Audit } from '../../../src/audit/audit.ts';
import type { ChangeEntry } from '../../../src/audit/record.ts';
import type { AuditSink } from '../../../src/audit/sink.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';

export const KEY = Buffer.alloc(32, 5);

/** What is added to the name of a writer that starts when a fake clock does. */
export const RUN = '-mjuohs00';

/** A sink in memory that can be told to fail or to hang. */
export class FakeSink implements AuditSink {
  readonly name = 'fake';
  /** What was appended, one entry a call that succeeded. */
  readonly writes: string[] = [];
  attempts = 0;
  closed = false;
  failure: Error | undefined;
  #stuck: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  /** From now on, appending takes until `release`. */
  hang(): void {
    this.#stuck = Promise.withResolvers<void>();
  }

  release(): void {
    this.#stuck?.resolve();
    this.#stuck = undefined;
  }

  async append(lines: Buffer): Promise<void> {
    this.attempts += 1;
    await this.#stuck?.promise;
    if (this.failure !== undefined) {
      throw this.failure;
    }
    this.writes.push(lines.toString());
  }

  async close(): Promise<void> {
    await this.#stuck?.promise;
    this.closed = true;
  }

  /** All lines so far, without newlines. */
  get lines(): string[] {
    return this.writes.join('').split('\n').slice(0, -1);
  }

  /** The same, parsed. */
  get records(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

export interface TestAudit {
  readonly audit: Audit;
  readonly sink: FakeSink;
  readonly store: Store;
  readonly clock: FakeClock;
  readonly metrics: { accepted: number; unavailable: boolean[] };
}

/** A process's audit log on a sink in memory. */
export async function testAudit(options: { writer?: string; store?: Store; sink?: FakeSink; clock?: FakeClock } = {}): Promise<TestAudit> {
  const sink = options.sink ?? new FakeSink();
  const store = options.store ?? new MemoryStore();
  const clock = options.clock ?? new FakeClock();
  const metrics = { accepted: 0, unavailable: [] as boolean[] };
  const audit = await startAudit({
    sink,
    key: KEY,
    writer: options.writer ?? 'writer-1',
    store,
    clock,
    log: silentLog,
    failAt: () => undefined,
    metrics: { accepted: (lines) => void (metrics.accepted += lines), unavailable: (is) => void metrics.unavailable.push(is) },
    signal: new AbortController().signal,
  });
  return { audit, sink, store, clock, metrics };
}

/** A change that says nothing special. */
export function entry(more: Partial<ChangeEntry> = {}): ChangeEntry {
  return {
    operation: 'SecretSet',
    vault: { id: 'a1b2', namespace: 'team-a', name: 'payments' },
    object: { kind: 'secret', name: 'db-password' },
    actor: { kind: 'controller', username: 'vault-secret' },
    ...more,
  };
}

export async function* stream(lines: readonly string[]): AsyncIterable<string> {
  yield* lines;
}

export function errno(code: string): Error {
  return Object.assign(new Error(`${code}: the message holds what nobody should see`), { code });
}

/** What a promise rejects with; awaited by nobody yet, so that a test can move the clock in between. */
export function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'not refused',
    (error: unknown) => error,
  );
}
