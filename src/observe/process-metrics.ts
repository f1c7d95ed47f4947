import { readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

/**
 * The process itself, under the usual names. Not prom-client's own set: its event-loop histogram wakes the process a
 * hundred times a second, for ever. These cost nothing until metrics are read.
 */
export function registerProcessMetrics(registry: Registry): void {
  const startedAt = performance.timeOrigin / 1000;
  let idle = performance.eventLoopUtilization();
  const asked: readonly [name: string, help: string, value: () => number][] = [
    ['process_start_time_seconds', 'When the process began, in seconds since 1970.', () => startedAt],
    ['process_resident_memory_bytes', 'Memory of the process (RSS).', () => process.memoryUsage.rss()],
    ['process_open_fds', 'Open file descriptors.', openDescriptors],
    ['nodejs_heap_size_total_bytes', 'Heap that Node.js has reserved.', () => process.memoryUsage().heapTotal],
    ['nodejs_heap_size_used_bytes', 'Heap that Node.js uses.', () => process.memoryUsage().heapUsed],
    ['nodejs_external_memory_bytes', 'Memory outside the heap that objects of Node.js hold.', () => process.memoryUsage().external],
    [
      'nodejs_eventloop_utilization',
      'Share of the time since metrics were last read in which the event loop was busy, 0 to 1.',
      () => {
        const now = performance.eventLoopUtilization();
        const { utilization } = performance.eventLoopUtilization(now, idle);
        idle = now;
        return utilization;
      },
    ],
  ];
  for (const [name, help, value] of asked) {
    void new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  }
}

/** Where there is no /proc (a developer's machine), none are counted. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
