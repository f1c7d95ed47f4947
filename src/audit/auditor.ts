import { KeysteadError } from '../api/error.ts';
import { isTransient } from '../runtime/failure.ts';
import { RevisionConflict } from '../store/store.ts';
import type { Journal } from './journal.ts';
import type { AuditRecord, AuditResult, ChangeEntry, ChangeOutcome, ReadEntry } from './record.ts';

/**
 * The engine's way into the audit log (decisions 13): nothing is opened or changed without a record of it, in the
 * operator as in the server. Both methods throw KeysteadError `AuditUnavailable` when the log takes no records; the
 * caller must then answer as if nothing had been done.
 */
export class Auditor {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Records a use of something secret. To be awaited before the answer is given; resolves when the sinks have it. */
  async read(entry: ReadEntry): Promise<void> {
    const { refused, ...rest } = entry;
    const result = refused === undefined ? { result: 'ok' as const } : { result: 'refused' as const, code: refused };
    await this.#journal.enter({ ...rest, phase: 'read', ...result }).accepted;
  }

  /**
   * Records a change: its intent before `run` is called, its outcome before this resolves or rejects. Of what `run`
   * answers only `counter` and `headHash` get into the log. Rejects with whatever `run` threw.
   */
  async change<T extends ChangeOutcome>(entry: ChangeEntry, run: () => Promise<T>): Promise<T> {
    const intent = this.#journal.enter({ ...entry, phase: 'intent' });
    try {
      await intent.accepted;
    } catch (error) {
      // The intent is written once the log works again: it must not look like a change that a crash cut off.
      this.#end(entry, intent.seq, failure(error)).catch(() => undefined);
      throw error;
    }
    let outcome: T;
    try {
      outcome = await run();
    } catch (error) {
      await this.#end(entry, intent.seq, failure(error));
      throw error;
    }
    await this.#end(entry, intent.seq, {
      result: 'ok',
      ...(outcome.counter === undefined ? {} : { counter: outcome.counter }),
      ...(outcome.headHash === undefined ? {} : { headHash: outcome.headHash }),
    });
    return outcome;
  }

  #end(entry: ChangeEntry, intent: number, what: Pick<AuditRecord, 'result' | 'code' | 'counter' | 'headHash'>): Promise<void> {
    const { operation, vault, object, actor, resource, correlation } = entry;
    return this.#journal.enterLate({
      operation,
      actor,
      ...(vault === undefined ? {} : { vault }),
      ...(object === undefined ? {} : { object }),
      ...(resource === undefined ? {} : { resource }),
      ...(correlation === undefined ? {} : { correlation }),
      phase: 'outcome',
      intent,
      ...what,
    }).accepted;
  }
}

/** What became of a change that threw: its class only, since messages may say more than a log should. */
function failure(error: unknown): { result: AuditResult; code: string } {
  if (error instanceof KeysteadError) {
    const nothingDone = error.consequence !== 'retry' || error.code === 'RecordChanged' || error.code === 'AuditUnavailable';
    return { result: nothingDone ? 'refused' : 'failed', code: error.code };
  }
  if (error instanceof RevisionConflict || (isTransient(error) && error.transient === 'conflict')) {
    return { result: 'refused', code: 'RecordChanged' };
  }
  return { result: 'failed', code: error instanceof Error && /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'Error' };
}
