import type { Clock } from '../runtime/clock.ts';
import { lineMac, sealLine, type AuditKeys } from './chain.ts';
import type { GroupCommit } from './group-commit.ts';
import { isWriterName, lineContent } from './line.ts';
import type { AuditRecord } from './record.ts';

/** A line that was given its place in the chain. */
export interface Entered {
  readonly seq: number;
  /** Resolves when the sinks have the line. @throws KeysteadError AuditUnavailable */
  readonly accepted: Promise<void>;
}

export interface JournalOptions {
  /** Unique to this run of the process. */
  readonly writer: string;
  readonly keys: AuditKeys;
  readonly commit: GroupCommit;
  readonly clock: Clock;
  /** Called before the first line gets its number: what must stand in the log before all else. */
  readonly opening: () => readonly AuditRecord[];
  /** Called after each line; must be quick. */
  readonly entered: () => void;
}

/** The chain of one writer: gives each record its place and hands it to the group commit. */
export class Journal {
  readonly writer: string;
  readonly #options: JournalOptions;
  #seq = 0;
  #mac = '';

  constructor(options: JournalOptions) {
    if (!isWriterName(options.writer)) {
      throw new RangeError('a writer of audit lines is named by 1 to 127 letters, digits, dots, underscores and hyphens');
    }
    this.writer = options.writer;
    this.#options = options;
  }

  /** @throws KeysteadError AuditUnavailable, TypeError for a record that may not be written; nothing is entered then */
  enter(record: AuditRecord): Entered {
    this.#options.commit.check();
    return this.#enterAfterOpening(record);
  }

  /** As `enter`, but also while the log is unavailable: for the end of what began before. Bounded by what was begun. */
  enterLate(record: AuditRecord): Entered {
    return this.#enterAfterOpening(record);
  }

  #enterAfterOpening(record: AuditRecord): Entered {
    if (this.#seq === 0) {
      for (const first of this.#options.opening()) {
        this.#append(first);
      }
    }
    const entered = this.#append(record);
    this.#options.entered();
    return entered;
  }

  #append(record: AuditRecord): Entered {
    const seq = this.#seq + 1;
    const content = lineContent(record, { time: this.#options.clock.now(), writer: this.writer, seq, previous: this.#mac });
    const mac = lineMac(this.#options.keys, content);
    this.#seq = seq;
    this.#mac = mac;
    return { seq, accepted: this.#options.commit.append(sealLine(content, mac), { writer: this.writer, seq, mac }) };
  }
}
