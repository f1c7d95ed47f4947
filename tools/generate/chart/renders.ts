import { parse, stringify } from 'yaml';
import { defaultInstallation, namespaceOf } from '../../../src/operator/manifests.ts';
import type { Manifest } from '../../../src/operator/manifest.ts';
import type { Generator } from '../generators.ts';
import { render } from './helm.ts';
import { valueSets } from './value-sets.ts';

const GOLDEN = 'test/unit/chart/golden';

/** `config/install/keystead.yaml`: the chart with its defaults, for kubectl; the namespace is part of it. */
export function installManifest(): Generator {
  return {
    name: 'Plain manifests',
    render: async () => {
      const header = [
        '# Generated from charts/keystead by npm run generate. Do not edit.',
        '#',
        '# kubectl apply --server-side -f config/install/keystead.yaml',
        '#',
        '# The namespace comes first, so that a mistaken kubectl delete -f is refused for it while its guard still stands. The',
        '# rest would go, kinds with all their resources too; the records stay.',
        '',
      ].join('\n');
      // Helm's own annotation means nothing to kubectl.
      const rendered = await render({ crds: { keep: false }, guards: { keep: false } });
      return new Map([['config/install/keystead.yaml', `${header}---\n${stringify(namespaceOf(defaultInstallation.namespace), { lineWidth: 0 })}${rendered}`]]);
    },
  };
}

/** What each set of values makes different from the defaults, which `config/install` shows whole. */
export function goldenRenders(): Generator {
  return {
    name: 'Golden renders of the chart',
    owns: [{ folder: GOLDEN, extension: '.yaml' }],
    render: async () => {
      const defaults = byId(await render({}));
      const files = await Promise.all(
        Object.entries(valueSets).map(async ([name, values]): Promise<[string, string]> => [`${GOLDEN}/${name}.yaml`, difference(values, defaults, byId(await render(values)))]),
      );
      return new Map(files);
    },
  };
}

function difference(values: object, defaults: ReadonlyMap<string, string>, rendered: ReadonlyMap<string, string>): string {
  const gone = [...defaults.keys()].filter((id) => !rendered.has(id));
  const other = [...rendered].filter(([id, text]) => defaults.get(id) !== text);
  const lines = [
    'Generated from charts/keystead by npm run generate. Do not edit.',
    'The documents that these values add or make different from the defaults:',
    ...stringify(values, { lineWidth: 0 }).trimEnd().split('\n').map((line) => `  ${line}`),
    ...(gone.length === 0 ? [] : ['Not there with them:', ...gone.map((id) => `  ${id}`)]),
  ];
  return `${lines.map((line) => `# ${line}\n`).join('')}${other.map(([, text]) => `---\n${text}`).join('')}`;
}

/** Each document by kind, namespace and name. */
function byId(rendered: string): ReadonlyMap<string, string> {
  return new Map(
    rendered.split(/^---\n/m).filter((text) => text.trim() !== '').map((text) => {
      const { kind, metadata }: Manifest = parse(text);
      return [[kind, metadata.namespace, metadata.name].filter((part) => part !== undefined).join('/'), text];
    }),
  );
}
