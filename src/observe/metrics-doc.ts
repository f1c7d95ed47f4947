import { Metrics } from './metrics.ts';

/** The content of docs/reference/metrics.md: every metric that there is, in alphabetical order. */
export function renderMetricsDoc(): string {
  const rows = new Metrics({ version: '' })
    .describe()
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help.replaceAll('|', '\\|').replaceAll('<', '&lt;')} |`);
  return [
    '<!-- Generated from src/observe by npm run generate. Do not edit. -->',
    '# Metrics',
    '',
    'What `/metrics` of the operator and the server answers, in the text format of Prometheus. `controller_runtime_*`,',
    '`workqueue_*`, `rest_client_*` and `leader_election_*` have the names, labels and meanings that dashboards for',
    'controller-runtime expect. No label holds the name of anything inside a vault: `name` and `namespace` are those of',
    'resources.',
    '',
    '| Metric | Type | Labels | Meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
