import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { CHART, helm, HelmError, render } from '../../../tools/generate/chart/helm.ts';
import { valueSets } from '../../../tools/generate/chart/value-sets.ts';
import { chartValues } from '../../../tools/generate/chart/values.ts';

// On a new machine the first to ask for Helm builds it, which takes minutes.
jest.setTimeout(600_000);

const read = (path: string): string => readFileSync(join(CHART, path), 'utf8');

async function refusal(values: object, namespace?: string): Promise<string> {
  return render(values, namespace === undefined ? {} : { namespace }).then(
    () => 'accepted',
    (error: unknown) => (error instanceof HelmError ? error.message : String(error)),
  );
}

describe('the values', () => {
  it('in values.yaml are the defaults of the schema', () => {
    expect(parse(read('values.yaml'))).toEqual(JSON.parse(JSON.stringify(chartValues.parse({}))));
  });

  it.each(sections(JSON.parse(read('values.schema.json')), []))('of %j have no unknown keys', async (path) => {
    const wrong = path.reduceRight<object>((below, key) => ({ [key]: below }), { misspelt: true });
    expect(await refusal(wrong)).toContain("additional properties 'misspelt' not allowed");
  });

  it.each<[string, object]>([
    ['a digest that is none', { image: { digest: 'sha256:abc' } }],
    ['an image with a line break', { image: { repository: 'keystead"\n          command: ["sh"]\n#' } }],
    ['a tag that leaves its quotes', { image: { tag: '1"' } }],
    ['a namespace that is a pattern', { rbac: { namespaces: ['*'] } }],
    ['a domain that leaves its literal', { targets: { deniedDomains: ['a"] || true || ["b'] } }],
    ['no denied domain at all', { targets: { deniedDomains: [] } }],
    ['no audit sink', { audit: { sinks: [] } }],
    ['an unknown audit sink', { audit: { sinks: ['syslog'] } }],
    ['no replica', { operator: { replicas: 0 } }],
    ['memory in a unit that the heap is not computed from', { operator: { resources: { limits: { memory: '512M' } } } }],
    ['a CIDR without bits', { networkPolicy: { apiServerCIDRs: ['192.0.2.1'] } }],
  ])('refuse %s', async (_what, values) => {
    expect(await refusal(values)).toContain("values don't meet the specifications of the schema");
  });

  it('refuse restarts by an operator of listed namespaces, with what to do', async () => {
    expect(await refusal({ rbac: { namespaces: ['team-a'], restart: true } })).toContain('set rbac.restart to false, or rbac.namespaces to []');
  });

  it.each(['default', 'kube-system'])('refuse namespace %s: it must be one of its own', async (namespace) => {
    expect(await refusal({}, namespace)).toContain('--namespace keystead-system --create-namespace');
  });

  it('let a memory limit be taken away by nobody', async () => {
    expect(await refusal({ operator: { resources: { limits: { memory: null } } } })).toContain('operator.resources.limits.memory is needed');
  });
});

/** Every object of the schema that has members of its own. */
function sections(schema: { properties?: Record<string, object> }, path: readonly string[]): [readonly string[]][] {
  const { properties } = schema;
  return properties === undefined ? [] : [[path], ...Object.entries(properties).flatMap(([name, property]) => sections(property, [...path, name]))];
}

describe('helm lint --strict', () => {
  it.each(['defaults', ...Object.keys(valueSets)])('has nothing to say of %s', async (name) => {
    const said = await helm(['lint', '--strict', '--namespace', 'keystead-system', '--values', '-', CHART], JSON.stringify(valueSets[name] ?? {}));
    expect(said).toContain('1 chart(s) linted, 0 chart(s) failed');
  });
});

it('the chart has the version of the program, and refuses clusters that are too old', async () => {
  const { version } = JSON.parse(readFileSync(join(CHART, '../../package.json'), 'utf8')) as { version: string };
  expect(parse(read('Chart.yaml'))).toMatchObject({ version, appVersion: version, kubeVersion: '>=1.32.0-0' });
  const old = helm(['template', 'keystead', CHART, '--namespace', 'keystead-system', '--kube-version', '1.31.9']);
  await expect(old).rejects.toThrow('incompatible with Kubernetes v1.31.9');
});
