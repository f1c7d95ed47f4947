import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { customResources } from '../../../src/api/crds.ts';
import { reasons, type Reason } from '../../../src/api/reasons.ts';
import { waitingReasons } from '../../../tools/generate/argocd/cases.ts';
import { healthScript } from './lua.ts';
import { documentsOf } from './rendered.ts';

const FOLDER = join(import.meta.dirname, '../../../config/argocd');
const read = (path: string): string => readFileSync(join(FOLDER, path), 'utf8');
const upstream = (kind: string, file: string): string => read(`resource_customizations/keystead.dev/${kind}/${file}`);
const configMap = parse(read('argocd-cm.yaml')) as { data: Record<string, string> };

interface TestFile {
  readonly tests: ReadonlyArray<{ readonly healthStatus: { readonly status: string; readonly message: string }; readonly inputPath: string }>;
}

describe.each(customResources.map(({ kind }) => kind))('the health check of %s', (kind) => {
  const { tests } = parse(upstream(kind, 'health_test.yaml')) as TestFile;

  it.each([
    ['as Argo CD has it in its repository', upstream(kind, 'health.lua')],
    ['as its ConfigMap has it', configMap.data[`resource.customizations.health.keystead.dev_${kind}`] ?? ''],
  ])('%s passes every case of health_test.yaml', async (_where, lua) => {
    const check = healthScript(lua);
    const found = await Promise.all(tests.map(async ({ inputPath }) => ({ inputPath, healthStatus: await check(parse(upstream(kind, inputPath)) as object) })));
    expect(found).toEqual(tests.map(({ inputPath, healthStatus }) => ({ inputPath, healthStatus })));
  });

  it('has no case without its file, and no file without its case', () => {
    const files = readdirSync(join(FOLDER, `resource_customizations/keystead.dev/${kind}/testdata`)).map((name) => `testdata/${name}`);
    expect(tests.map(({ inputPath }) => inputPath).toSorted()).toEqual(files.toSorted());
  });
});

describe('whatever a resource says', () => {
  const check = healthScript(upstream('VaultCertificate', 'health.lua'));
  const reason = fc.constantFrom(...(Object.keys(reasons) as Reason[]));
  const condition = fc.record({ type: fc.constantFrom('Ready', 'Stalled', 'Reconciling', 'Foreign'), status: fc.constantFrom('True', 'False', 'Unknown'), reason, message: fc.string() });
  const status = fc.record(
    { observedGeneration: fc.constantFrom(-1, 1, 2), conditions: fc.uniqueArray(condition, { selector: ({ type }) => type }) },
    { requiredKeys: [] },
  );

  it('is Healthy exactly when it is Ready at its latest generation, and Degraded only when nothing it waits for can come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.option(status, { nil: undefined }), async (said) => {
        const health = await check({ metadata: { name: 'x', generation: 2 }, spec: {}, status: said });
        const of = (type: string) => said?.conditions?.find((one) => one.type === type);
        const current = said?.observedGeneration === 2;
        const stalled = current && of('Stalled')?.status === 'True';
        const ready = of('Ready');
        expect(health.status === 'Healthy').toBe(current && !stalled && ready?.status === 'True');
        const waits = of('Reconciling')?.status === 'True' || (ready !== undefined && waitingReasons.includes(ready.reason));
        expect(health.status === 'Degraded').toBe(stalled || (current && ready?.status === 'False' && !waits));
      }),
      { numRuns: 300 },
    );
  });
});

/** Argo CD's rules for namespaced kinds: a whitelist allows nothing else, a blacklist takes away. */
interface Project {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly sourceRepos: readonly string[];
    readonly clusterResourceWhitelist: readonly object[];
    readonly namespaceResourceWhitelist?: readonly GroupKind[];
    readonly namespaceResourceBlacklist?: readonly GroupKind[];
  };
}

interface GroupKind {
  readonly group: string;
  readonly kind: string;
}

describe('the sample projects', () => {
  const projects = documentsOf(read('appprojects.yaml')) as unknown as readonly Project[];
  const covers = (list: readonly GroupKind[], group: string, kind: string): boolean =>
    list.some((one) => one.group === group && (one.kind === kind || one.kind === '*'));
  const takers = (group: string, kind: string): readonly string[] =>
    projects
      .filter(({ spec }) => !covers(spec.namespaceResourceBlacklist ?? [], group, kind) && (spec.namespaceResourceWhitelist === undefined || covers(spec.namespaceResourceWhitelist, group, kind)))
      .map(({ metadata }) => metadata.name);

  it('take access policies and issuers from one repository, which brings nothing else', () => {
    expect(takers('keystead.dev', 'AccessPolicy')).toEqual(['vault-access']);
    expect(takers('keystead.dev', 'VaultIssuer')).toEqual(['vault-access']);
    expect(takers('keystead.dev', 'VaultSecret')).toEqual(['team-a']);
    expect(projects.find(({ metadata }) => metadata.name === 'vault-access')?.spec.sourceRepos).toHaveLength(1);
  });

  it('take no RBAC, and nothing of the cluster: neither guards nor DeletedVaults', () => {
    expect(takers('rbac.authorization.k8s.io', 'Role')).toEqual([]);
    expect(takers('rbac.authorization.k8s.io', 'RoleBinding')).toEqual([]);
    expect(projects.map(({ spec }) => spec.clusterResourceWhitelist)).toEqual(projects.map(() => []));
  });
});
