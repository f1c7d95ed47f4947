import { stringify } from 'yaml';
import { customResourceDefinition, type CustomResource } from '../../src/api/crd.ts';
import { group } from '../../src/api/names.ts';
import type { Generator } from './generators.ts';

/** `crds/`: one CustomResourceDefinition a file, named as kubebuilder and cert-manager name theirs. */
export function customResourceDefinitions(kinds: readonly CustomResource[]): Generator {
  return {
    name: 'CustomResourceDefinitions',
    owns: [{ folder: 'crds', extension: '.yaml' }],
    render: () => new Map(kinds.map((kind) => [
      `crds/${group}_${kind.plural}.yaml`,
      `# Generated from src/api by npm run generate. Do not edit.\n${stringify(customResourceDefinition(kind), { lineWidth: 0 })}`,
    ])),
  };
}
