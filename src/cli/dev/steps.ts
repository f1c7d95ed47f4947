import type { Io } from '../io.ts';

/** No line of ours is longer: a terminal of 90 columns shows each on one. */
const WIDTH = 78;
const green = '\u001b[32m';
const red = '\u001b[31m';
const dim = '\u001b[2m';
const plain = '\u001b[0m';
const rewriteLine = '\r\u001b[2K';

/** What is being done, while it is being done: one line, rewritten; seen only on a terminal. */
export type Tell = (doing: string) => void;

/**
 * Progress for a person: one line a step, with a tick and how long it took. On a terminal the step that is under way is
 * shown too; elsewhere (a log of CI) nothing is written before a step has ended.
 */
export class Steps {
  readonly #io: Pick<Io, 'stdout' | 'stderr' | 'terminal' | 'clock'>;
  #pending: string | undefined;

  constructor(io: Pick<Io, 'stdout' | 'stderr' | 'terminal' | 'clock'>) {
    this.#io = io;
  }

  heading(text: string): void {
    this.#io.stdout.write(`\n${text}\n`);
  }

  /** Runs a step. What `work` answers as `done` is its line; if it throws, the step is marked as failed, and this throws. */
  async step<T extends { readonly done: string }>(title: string, work: (tell: Tell) => Promise<T>): Promise<T> {
    const { clock } = this.#io;
    const began = clock.monotonic();
    this.#tell(title);
    try {
      const result = await work((doing) => this.#tell(doing));
      this.#line('✓', green, result.done, clock.monotonic() - began);
      return result;
    } catch (error) {
      this.#line('✗', red, title, clock.monotonic() - began);
      throw error;
    } finally {
      this.#pending = undefined;
    }
  }

  /** What a part of a step wants a person to know, such as a program being built: it may take minutes. */
  progress(line: string): void {
    if (this.#pending === undefined || !this.#io.terminal) this.#io.stderr.write(`  ${line}\n`);
    else this.#tell(`${this.#pending.split(':', 1)[0] ?? ''}: ${line}`);
  }

  #tell(doing: string): void {
    const shown = this.#pending === doing;
    this.#pending = doing;
    if (this.#io.terminal && !shown) this.#io.stdout.write(`${rewriteLine}  ${dim}… ${doing}${plain}`);
  }

  #line(mark: string, color: string, text: string, tookMs: number): void {
    const took = `${(tookMs / 1000).toFixed(1)} s`.padStart(7);
    const filled = text.padEnd(WIDTH);
    this.#io.stdout.write(
      this.#io.terminal ? `${rewriteLine}  ${color}${mark}${plain} ${filled}${dim}${took}${plain}\n` : `  ${mark} ${filled}${took}\n`,
    );
  }
}
