import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { Metrics } from '../../../src/observe/metrics.ts';

interface Rules {
  readonly spec: { readonly groups: ReadonlyArray<{ readonly rules: ReadonlyArray<{ readonly alert: string; readonly expr: string; readonly annotations: object }> }> };
}

const rules = (parse(readFileSync(join(import.meta.dirname, '../../../config/monitoring/prometheus-rules.yaml'), 'utf8')) as Rules).spec.groups.flatMap((group) => group.rules);

/** An alert on a metric that was renamed never fires, and nobody notices. */
it.each(rules.map((rule) => [rule.alert, rule] as const))('%s is about metrics and labels that there are', (_alert, { expr, annotations }) => {
  const known = new Map(new Metrics({ version: 'test' }).describe().map((metric) => [metric.name, metric.labels]));
  const used = [...expr.matchAll(/\b([a-z_]+(?:_total|_seconds|_status|_unavailable|_untrusted))(?:\{([a-z_]+)=)?/g)].map(([, name = '', label]) => ({ name, label }));
  expect(used).not.toEqual([]);
  expect(used.filter(({ name }) => !known.has(name))).toEqual([]);
  // Every scraped metric has a job.
  expect(used.filter(({ name, label }) => label !== undefined && label !== 'job' && known.get(name)?.includes(label) !== true)).toEqual([]);
  const grouped = [...expr.matchAll(/by \(([a-z_]+)\)/g)].map(([, label]) => `$labels.${label}`);
  expect(grouped.filter((label) => !JSON.stringify(annotations).includes(label))).toEqual([]);
});
