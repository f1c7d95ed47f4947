import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { customResources } from '../../../src/api/crds.ts';
import { group } from '../../../src/api/names.ts';
import type { Generator } from '../generators.ts';
import { healthCases, resourceOf, waitingReasons } from './cases.ts';

const FOLDER = 'config/argocd';
const SOURCE = 'Generated from tools/generate/argocd by npm run generate. Do not edit.';

/** Health checks for Argo CD: the folders as its own repository has them, and the same for its ConfigMap. */
export function argoHealthChecks(): Generator {
  return {
    name: 'Health checks for Argo CD',
    owns: customResources.map(({ kind }) => ({ folder: `${FOLDER}/resource_customizations/${group}/${kind}/testdata`, extension: '.yaml' })),
    render: () => {
      const lua = script();
      const files = new Map([[`${FOLDER}/argocd-cm.yaml`, configMap(lua)]]);
      for (const { kind, scope } of customResources) {
        const folder = `${FOLDER}/resource_customizations/${group}/${kind}`;
        files.set(`${folder}/health.lua`, `-- ${SOURCE}\n${lua}`);
        files.set(`${folder}/health_test.yaml`, testFile());
        for (const health of healthCases) files.set(`${folder}/testdata/${health.name}.yaml`, yaml(resourceOf(kind, scope, health)));
      }
      return files;
    },
  };
}

function script(): string {
  const lua = readFileSync(join(import.meta.dirname, 'health.lua'), 'utf8');
  const set = `local waiting = {\n${waitingReasons.toSorted().map((reason) => `  ${reason} = true,\n`).join('')}}`;
  return lua.replace('local waiting = {}', set);
}

function testFile(): string {
  return yaml({ tests: healthCases.map(({ name, expected, message }) => ({ healthStatus: { status: expected, message }, inputPath: `testdata/${name}.yaml` })) });
}

function configMap(lua: string): string {
  const data = Object.fromEntries(customResources.map(({ kind }) => [`resource.customizations.health.${group}_${kind}`, lua]));
  const metadata = { name: 'argocd-cm', namespace: 'argocd', labels: { 'app.kubernetes.io/name': 'argocd-cm', 'app.kubernetes.io/part-of': 'argocd' } };
  const header = `# ${SOURCE}\n# To be merged into the ConfigMap of your Argo CD:\n# kubectl apply --server-side --field-manager=keystead -f config/argocd/argocd-cm.yaml\n`;
  return header + stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }, { lineWidth: 0 });
}

function yaml(content: object): string {
  return `# ${SOURCE}\n${stringify(content, { lineWidth: 0 })}`;
}
