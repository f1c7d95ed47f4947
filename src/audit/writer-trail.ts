import type { Checkpoint } from './record.ts';

export type ProblemKind =
  /** A line's MAC is wrong: changed, torn, or written without the key. */
  | 'altered'
  /** Lines `from` to `to` are not there. */
  | 'gap'
  /** As `gap`, before the first line that is there: rotated away, or cut. */
  | 'beginning-missing'
  /** As `gap`, after the last one that is there, though a checkpoint knows them. */
  | 'tail-missing'
  /** A checkpoint knows of the writer (up to line `to`), and none of its lines is there. */
  | 'writer-missing'
  /** A line comes again, or after a later one. */
  | 'out-of-order'
  /** Two lines of the same writer stand at the same place: someone else had the key and the name. */
  | 'forked'
  /** The record of checkpoints was changed by somebody else, or put back to an older state. */
  | 'checkpoints-invalid';

export interface Problem {
  readonly kind: ProblemKind;
  readonly writer?: string;
  /** Number of the line in the input, from 1. */
  readonly line?: number;
  /** Sequence numbers in the writer's chain. */
  readonly from?: number;
  readonly to?: number;
}

/** What a line whose MAC is right says about its place. */
export interface VerifiedLine {
  readonly writer: string;
  readonly seq: number;
  readonly time: string;
  readonly previous: string;
  readonly mac: string;
  readonly operation: string;
  readonly checkpoint: Checkpoint | undefined;
}

export interface WriterReport {
  readonly writer: string;
  /** Intact lines. */
  readonly lines: number;
  readonly first: number | undefined;
  readonly last: number | undefined;
  /** The newest checkpoint that is known, of whatever source. */
  readonly checkpoint: number | undefined;
  /** Lines `from` to `to` are all there and unaltered, and a checkpoint knows that there were no others up to `to`. */
  readonly proven: { readonly from: number; readonly to: number } | undefined;
}

/** Follows one writer's chain through a log. */
export class WriterTrail {
  readonly #writer: string;
  readonly #found: (problem: Problem) => void;
  /** Checkpoints by sequence number, for those that come before their lines. */
  readonly #expected = new Map<number, string>();
  #checkpoint: { readonly seq: number; readonly time: string } | undefined;
  #lines = 0;
  #first: number | undefined;
  #last: VerifiedLine | undefined;
  /** Where the unbroken run of lines up to the last one began. */
  #intactFrom: VerifiedLine | undefined;
  #lostUntil = '';

  constructor(writer: string, found: (problem: Problem) => void) {
    this.#writer = writer;
    this.#found = found;
  }

  get hasCheckpoint(): boolean {
    return this.#checkpoint !== undefined;
  }

  /** RFC 3339, or empty: since ever. */
  get completeSince(): string {
    return this.#lostUntil;
  }

  /** `time`: when the checkpoint certainly existed. */
  expect(checkpoint: Checkpoint, time: string): void {
    if (checkpoint.seq > (this.#checkpoint?.seq ?? 0)) {
      this.#checkpoint = { seq: checkpoint.seq, time };
    }
    if (checkpoint.seq > (this.#last?.seq ?? 0)) {
      this.#expected.set(checkpoint.seq, checkpoint.mac);
    }
  }

  /** `number`: of the line in the input. */
  add(line: VerifiedLine, number: number): void {
    const at = { writer: this.#writer, line: number };
    const last = this.#last?.seq ?? 0;
    if (line.seq <= last) {
      const again = line.seq < last || line.mac === this.#last?.mac;
      this.#found({ kind: again ? 'out-of-order' : 'forked', ...at, from: line.seq });
      return;
    }
    this.#lines += 1;
    this.#first ??= line.seq;
    if (line.seq > last + 1) {
      this.#found({ kind: last === 0 ? 'beginning-missing' : 'gap', ...at, from: last + 1, to: line.seq - 1 });
      this.#broken(line);
    } else if (line.previous !== (this.#last?.mac ?? '')) {
      this.#found({ kind: 'forked', ...at, from: line.seq });
      this.#broken(line);
    }
    this.#intactFrom ??= line;
    this.#last = line;
    const mac = this.#expected.get(line.seq);
    if (mac !== undefined && mac !== line.mac) {
      this.#found({ kind: 'forked', ...at, from: line.seq });
    }
    this.#expected.delete(line.seq);
  }

  /** Compares with the newest checkpoint; to be called once, after the last line. */
  finish(): void {
    const known = this.#checkpoint;
    const last = this.#last?.seq ?? 0;
    if (known !== undefined && known.seq > last) {
      const kind = last === 0 ? 'writer-missing' : 'tail-missing';
      this.#found({ kind, writer: this.#writer, from: last + 1, to: known.seq });
      this.#lostUntil = known.time > this.#lostUntil ? known.time : this.#lostUntil;
    }
  }

  report(): WriterReport {
    const from = this.#intactFrom?.seq ?? Infinity;
    const to = Math.min(this.#checkpoint?.seq ?? 0, this.#last?.seq ?? 0);
    return {
      writer: this.#writer,
      lines: this.#lines,
      first: this.#first,
      last: this.#last?.seq,
      checkpoint: this.#checkpoint?.seq,
      proven: from <= to ? { from, to } : undefined,
    };
  }

  #broken(line: VerifiedLine): void {
    this.#intactFrom = line;
    this.#lostUntil = line.time;
  }
}
