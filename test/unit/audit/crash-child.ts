import { writeSync } from 'node:fs';
import { startAudit } from '../../../src/audit/audit.ts';
import { fileSink } from '../../../src/audit/file-sink.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { entry, KEY } from './support.ts';

/** Changes things for ever, five at a time, and says on standard output how many changes were answered as done. */
const [path = '', writer = ''] = process.argv.slice(2);
const audit = await startAudit({
  sink: fileSink(path, { clock: systemClock }),
  key: KEY,
  writer,
  store: new MemoryStore(),
  clock: systemClock,
  log: silentLog,
  failAt: () => undefined,
  signal: new AbortController().signal,
});
let done = 0;
await Promise.all(
  Array.from({ length: 5 }, async () => {
    for (;;) {
      await audit.auditor.change(entry(), async () => ({ counter: 1 }));
      done += 1;
      writeSync(1, `${done}\n`);
    }
  }),
);
