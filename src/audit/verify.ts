import { auditKeys, openLine, type AuditKeys } from './chain.ts';
import { decodeCheckpoints, isCheckpoint } from './checkpoint-record.ts';
import { LINE_START } from './line.ts';
import type { Checkpoint } from './record.ts';
import { WriterTrail, type Problem, type VerifiedLine, type WriterReport } from './writer-trail.ts';

export interface VerifyReport {
  /** Lines that are neither audit lines nor counted otherwise: log lines that were collected along. */
  readonly foreign: number;
  readonly writers: readonly WriterReport[];
  /** The first thousand. */
  readonly problems: readonly Problem[];
  /** All, also those not listed. */
  readonly problemCount: number;
  /**
   * From this time (RFC 3339) on, up to each writer's checkpoint, no line of any known writer is missing or altered.
   * Undefined when nothing is proven, for there is no checkpoint.
   */
  readonly completeSince: string | undefined;
}

const MOST_PROBLEMS = 1_000;
/** Beyond this a line is not one of ours: the fields of a line are limited. */
const LONGEST_LINE = 16_384;

/**
 * Holds audit lines against their chains and the checkpoints, offline. Each writer's lines must come in their order;
 * those of several may be mixed. A problem is never thrown, always reported. What the report can't show: lines after a
 * writer's last checkpoint that were cut off (at most 30 s), and whatever somebody with the audit key wrote.
 *
 * @param lines without newlines, oldest first
 * @param checkpoints the body of the record `audit-checkpoints`, if there is one
 * @param key the audit key
 */
export async function verify(lines: AsyncIterable<string>, checkpoints: Buffer | undefined, key: Buffer): Promise<VerifyReport> {
  const verifier = new Verifier(auditKeys(key));
  if (checkpoints !== undefined) {
    verifier.checkpointRecord(checkpoints);
  }
  for await (const line of lines) {
    verifier.line(line);
  }
  return verifier.report();
}

class Verifier {
  readonly #keys: AuditKeys;
  readonly #trails = new Map<string, WriterTrail>();
  readonly #problems: Problem[] = [];
  #problemCount = 0;
  #lines = 0;
  #foreign = 0;

  constructor(keys: AuditKeys) {
    this.#keys = keys;
  }

  checkpointRecord(body: Buffer): void {
    const writers = decodeCheckpoints(this.#keys, body);
    if (writers === undefined) {
      this.#found({ kind: 'checkpoints-invalid' });
    }
    for (const checkpoint of writers ?? []) {
      this.#trail(checkpoint.writer).expect(checkpoint, checkpoint.time);
    }
  }

  line(text: string): void {
    this.#lines += 1;
    if (!text.startsWith(LINE_START)) {
      this.#foreign += 1;
      return;
    }
    const opened = text.length > LONGEST_LINE ? undefined : openLine(this.#keys, text);
    const line = opened && parse(opened.content, opened.mac);
    if (line === undefined) {
      this.#found({ kind: 'altered', line: this.#lines });
      return;
    }
    this.#trail(line.writer).add(line, this.#lines);
    if (line.checkpoint !== undefined) {
      this.#trail(line.checkpoint.writer).expect(line.checkpoint, line.time);
    }
    if (line.operation === 'AuditCheckpointInvalid') {
      this.#found({ kind: 'checkpoints-invalid', writer: line.writer, line: this.#lines });
    }
  }

  report(): VerifyReport {
    const trails = [...this.#trails.values()];
    for (const trail of trails) {
      trail.finish();
    }
    const proven = trails.some((trail) => trail.hasCheckpoint);
    const since = trails.map((trail) => trail.completeSince).toSorted();
    return {
      foreign: this.#foreign,
      writers: trails.map((trail) => trail.report()),
      problems: this.#problems,
      problemCount: this.#problemCount,
      completeSince: proven ? since.at(-1) : undefined,
    };
  }

  #trail(writer: string): WriterTrail {
    const known = this.#trails.get(writer);
    if (known !== undefined) {
      return known;
    }
    const trail = new WriterTrail(writer, (problem) => this.#found(problem));
    this.#trails.set(writer, trail);
    return trail;
  }

  #found(problem: Problem): void {
    this.#problemCount += 1;
    if (this.#problems.length < MOST_PROBLEMS) {
      this.#problems.push(problem);
    }
  }
}

/** Reads content whose MAC was right: it has the form that `lineContent` gives. */
function parse(content: string, mac: string): VerifiedLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(`${content}}`);
  } catch {
    return undefined;
  }
  const line: Partial<Record<string, unknown>> & { checkpoint?: unknown } = Object(value);
  const { writer, seq, time, previous, operation, checkpoint } = line;
  if (typeof writer !== 'string' || typeof seq !== 'number' || typeof time !== 'string' || typeof previous !== 'string' || typeof operation !== 'string') {
    return undefined;
  }
  return { writer, seq, time, previous, operation, mac, checkpoint: checkpointOf(checkpoint) };
}

function checkpointOf(value: unknown): Checkpoint | undefined {
  return isCheckpoint(value) ? value : undefined;
}
