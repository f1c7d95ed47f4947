import type { Clock } from '../runtime/clock.ts';
import { DescriptorWriter } from './descriptor-writer.ts';
import type { AuditSink } from './sink.ts';

const STDOUT = 1;

/**
 * Audit lines on standard output, where a container's runtime collects them. Logs go to standard error, so that the two
 * can be told apart; nothing else of the program may write to standard output.
 */
export function stdoutSink(clock: Clock): AuditSink {
  const writer = new DescriptorWriter(clock);
  return {
    name: 'stdout',
    append: (lines) => writer.writeAll(STDOUT, lines),
    close: () => Promise.resolve(),
  };
}
