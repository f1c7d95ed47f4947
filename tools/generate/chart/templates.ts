import { predefinedClusterRoles } from '../../../src/operator/predefined-roles.ts';
import { operatorRbac } from '../../../src/operator/rbac.ts';
import type { Manifest } from '../../../src/operator/manifest.ts';
import { customResourceDefinitions, guardsOf, identityReaders, serviceAccounts } from '../../../src/operator/manifests.ts';
import type { Feature } from '../../../src/kube/permissions.ts';
import type { Generator } from '../generators.ts';
import { documents, keptWhen, lineWhen, placeholders, templateOf, when } from './template-text.ts';

const FOLDER = 'charts/keystead/templates';
const header = '{{- /* Generated from src/operator/manifests.ts by npm run generate. Do not edit. */ -}}\n';

/** The part of the chart that is made from the source: kinds, guards, accounts and rights. */
export function chartTemplates(): Generator {
  return {
    name: 'Chart templates',
    owns: [
      { folder: `${FOLDER}/crds`, extension: '.yaml' },
      { folder: `${FOLDER}/generated`, extension: '.yaml' },
    ],
    render: () => {
      const files = [
        ...customResourceDefinitions().map((crd): [string, string] => [`crds/${crd.metadata.name}.yaml`, when('.Values.crds.enabled', keptWhen('.Values.crds.keep', templateOf(crd)))]),
        ['generated/guards.yaml', guards()] as const,
        ['generated/serviceaccounts.yaml', documents(serviceAccounts(placeholders.namespace).map(templateOf))] as const,
        ['generated/operator-rbac.yaml', rbac()] as const,
        ['generated/roles.yaml', roles()] as const,
      ];
      return new Map(files.map(([path, text]) => [`${FOLDER}/${path}`, header + text]));
    },
  };
}

function guards(): string {
  const objects = guardsOf({ namespace: placeholders.namespace, deniedDomains: [placeholders.deniedDomain] });
  return documents(objects.map((object) => keptWhen('.Values.guards.keep', templateOf(object))));
}

function roles(): string {
  const label = 'rbac.authorization.k8s.io/aggregate-to-';
  const forPeople = predefinedClusterRoles('aggregated').map((role) => lineWhen('.Values.rbac.aggregateRoles', label, templateOf(role)));
  return documents([...forPeople, ...identityReaders(placeholders.namespace).map(templateOf)]);
}

/** What is the same for every reach stands once; the rest is told apart by the values. */
function rbac(): string {
  const of = (namespaces: 'all' | readonly string[], features: readonly Feature[]): readonly Manifest[] =>
    operatorRbac({ namespace: placeholders.namespace, namespaces, features });
  const everywhere = of('all', []);
  const listed = of([placeholders.served], []);
  const onlyListed = only(listed, everywhere);
  const inEach = onlyListed.filter(({ metadata }) => metadata.namespace === placeholders.served);
  const text = (objects: readonly Manifest[]): string => documents(objects.map(templateOf));
  return [
    text(both(everywhere, listed)),
    '{{- if .Values.rbac.namespaces }}\n',
    '{{- if .Values.rbac.restart }}\n',
    '{{- fail "rbac.restart needs an operator of the whole cluster: set rbac.restart to false, or rbac.namespaces to []" }}\n',
    '{{- end }}\n',
    text(only(onlyListed, inEach)),
    `{{- range .Values.rbac.namespaces }}\n${text(inEach)}{{- end }}\n`,
    '{{- else }}\n',
    text(only(everywhere, listed)),
    when('.Values.rbac.restart', text(only(of('all', ['restart']), everywhere))),
    '{{- end }}\n',
  ].join('');
}

function idOf({ kind, metadata }: Manifest): string {
  return [kind, metadata.namespace ?? '', metadata.name].join('/');
}

function only(objects: readonly Manifest[], others: readonly Manifest[]): readonly Manifest[] {
  const known = new Set(others.map(idOf));
  return objects.filter((object) => !known.has(idOf(object)));
}

function both(objects: readonly Manifest[], others: readonly Manifest[]): readonly Manifest[] {
  const known = new Set(others.map(idOf));
  return objects.filter((object) => known.has(idOf(object)));
}
