import { renderMetricsDoc } from '../../src/observe/metrics-doc.ts';
import type { Generator } from './generators.ts';

/** docs/reference/metrics.md: every metric with its type, labels and meaning, as the program itself registers them. */
export function metricsPage(): Generator {
  return { name: 'Metrics page', render: () => new Map([['docs/reference/metrics.md', renderMetricsDoc()]]) };
}
