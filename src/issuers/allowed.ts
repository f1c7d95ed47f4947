import type { VaultIssuerSpec } from '../api/vault-issuer.ts';

type AllowedNamespaces = VaultIssuerSpec['allowedNamespaces'];
type LabelSelector = NonNullable<AllowedNamespaces['selector']>;
type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

/** The namespace of a certificate; labels are undefined while the namespace is not known. */
export interface AskingNamespace {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | undefined;
}

/** Whether certificates of a namespace may use an issuer. Its own namespace always may. A namespace that is not known has no labels to match. */
export function namespaceAllowed(allowed: AllowedNamespaces, issuerNamespace: string, asking: AskingNamespace): boolean {
  if (asking.name === issuerNamespace) return true;
  if (allowed.from === 'All') return true;
  if (allowed.from === 'Same' || allowed.selector === undefined || asking.labels === undefined) return false;
  return selects(allowed.selector, asking.labels);
}

/** metav1.LabelSelector: all must hold, so an empty one selects everything. */
function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const exact = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => valueOf(labels, key) === value);
  return exact && (selector.matchExpressions ?? []).every((expression) => holds(expression, labels));
}

function holds({ key, operator, values }: Expression, labels: Readonly<Record<string, string>>): boolean {
  const value = valueOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && (values ?? []).includes(value);
    case 'NotIn':
      // As in Kubernetes: a label that is not there has none of the values.
      return value === undefined || !(values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    default:
      return value === undefined;
  }
}

/** Own properties only: a selector for the label `constructor` must not find what every object has. */
function valueOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
