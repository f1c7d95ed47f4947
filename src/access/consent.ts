import { syncConsentLabel } from '../api/names.ts';

/**
 * Whether a namespace, by its labels, consents to targets from vaults of the namespace `source` (decisions 29). It is one
 * half of what a target in another namespace needs; the other is `syncTo`. A namespace needs no consent to its own vaults.
 */
export function consents(labels: Readonly<Record<string, string>> | undefined, source: string): boolean {
  const label = syncConsentLabel(source);
  return labels !== undefined && Object.hasOwn(labels, label) && labels[label] === 'allow';
}

/** Namespaces that no target is ever written to: those of Kubernetes itself, and the operator's (decisions 28). */
export function neverTarget(namespace: string, operatorNamespace: string): boolean {
  return namespace.startsWith('kube-') || namespace === operatorNamespace;
}
