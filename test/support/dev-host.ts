import type { BinaryHost } from '../../src/cli/dev/binaries.ts';
import { downloader } from '../../src/cli/dev/download.ts';
import { goBuilder } from '../../src/cli/dev/go-build.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { systemRandom } from '../../src/runtime/random.ts';

/** This machine, for finding and starting real programs in tests. */
export function devHost(): BinaryHost {
  return {
    environment: process.env,
    clock: systemClock,
    random: systemRandom,
    progress: (line) => void process.stderr.write(`${line}\n`),
    build: goBuilder(process.env),
    download: downloader(async (url) => {
      const answer = await fetch(url);
      if (!answer.ok) {
        throw new Error(`${url} answers ${answer.status}`);
      }
      return Buffer.from(await answer.arrayBuffer());
    }),
  };
}
