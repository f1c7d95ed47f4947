import type { BinaryHost } from '../../src/cli/dev/binaries.ts';
import { thisMachine } from '../../src/cli/dev/machine.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { systemRandom } from '../../src/runtime/random.ts';

/** This machine, for finding and starting real programs in tests. */
export function devHost(): BinaryHost {
  return thisMachine(process.env, systemClock, systemRandom, (line) => void process.stderr.write(`${line}\n`));
}
