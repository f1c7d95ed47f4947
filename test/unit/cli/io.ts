import { Writable } from 'node:stream';
import type { Io } from '../../../src/cli/io.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { systemRandom } from '../../../src/runtime/random.ts';

/** What a command wrote. */
class Written extends Writable {
  text = '';
  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface TestIo extends Io {
  readonly stdout: Written;
  readonly stderr: Written;
}

/** A process for a command to run in, without a terminal. */
export function testIo(more: Partial<Pick<Io, 'environment' | 'stop' | 'clock' | 'terminal'>> = {}): TestIo {
  return {
    environment: {},
    version: '1.2.3',
    clock: systemClock,
    random: systemRandom,
    stop: new AbortController().signal,
    onReopen: () => {},
    terminal: false,
    stdout: new Written(),
    stderr: new Written(),
    ...more,
  };
}
