import { z } from 'zod';
import { outputFields, outputRules, type Outputs } from './outputs.ts';
import { cel, dnsSubdomain, dnsLabel, list, rules, stringMap, type CelRule } from './schema.ts';

/**
 * `spec.target`: the Kubernetes Secret that an object is synced into. Shared by VaultSecret and VaultCertificate.
 */

/**
 * Types of Secret that Keystead ever writes (decision 28). Not in the list on purpose: `bootstrap.kubernetes.io/token` and
 * `kubernetes.io/service-account-token` are credentials by their mere existence, and `helm.sh/release.v1` is a program's state.
 */
export const targetTypes = [
  'Opaque', 'kubernetes.io/tls', 'kubernetes.io/dockerconfigjson', 'kubernetes.io/basic-auth', 'kubernetes.io/ssh-auth',
] as const;
export type TargetType = (typeof targetTypes)[number];

/** Domains of labels and annotations that no template may ever write: they steer Keystead or Kubernetes itself. */
export const reservedDomains = ['keystead.dev', 'kubernetes.io', 'k8s.io'] as const;

/**
 * Domains that templates may not write unless the deployment says otherwise: labels and annotations there change what
 * other controllers believe, or make them copy a Secret elsewhere. Held by the operator, not by the schema (decision 28).
 */
export const deniedDomains = [
  'argocd.argoproj.io', 'argoproj.io', 'helm.sh', 'helm.toolkit.fluxcd.io', 'kustomize.toolkit.fluxcd.io', 'sealedsecrets.bitnami.com',
  'cert-manager.io', 'external-secrets.io', 'x-k8s.io', 'emberstack.com', 'replicator.v1.mittwald.de',
] as const;

/** Whether a label or annotation key is of one of the domains or of a domain under one. Keys without a domain never are. */
export function keyIsUnder(key: string, domains: readonly string[]): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) {
    return false;
  }
  const domain = key.slice(0, slash).toLowerCase();
  return domains.some((reserved) => domain === reserved || domain.endsWith(`.${reserved}`));
}

function metadataRules(what: string): CelRule[] {
  return [
    cel("self.all(k, !k.matches('^(.*[.])?(keystead[.]dev|kubernetes[.]io|k8s[.]io)/'))",
      `template ${what} must not be under keystead.dev, kubernetes.io or k8s.io: those steer Keystead and Kubernetes; use a domain of your own`),
    cel("self.all(k, size(k) <= 317 && k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",
      `template ${what} need keys like app.example.com/name or name`),
  ];
}

const template = z.object({
  data: rules(stringMap(64, 65_536), cel("self.all(k, size(k) <= 253 && k.matches('^[-._a-zA-Z0-9]+$'))",
    "keys of template.data may have only letters, digits, '-', '_' and '.', as in every Secret"))
    .describe('The whole data of the Secret: a LiquidJS template for each key. Without it, each field of the value becomes a key, and a value without fields the key `value`.')
    .optional(),
  labels: rules(stringMap(32, 1024), ...metadataRules('labels')).describe('Labels of the Secret; values are templates.').optional(),
  annotations: rules(stringMap(32, 4096), ...metadataRules('annotations')).describe('Annotations of the Secret; values are templates.').optional(),
}).describe('What the Secret looks like. Templates see the fields of the value, and nothing else: no file, network or environment.');

const workload = z.object({
  kind: z.enum(['Deployment', 'StatefulSet', 'DaemonSet']),
  name: dnsSubdomain(),
}).describe('A workload in the namespace of the Secret.');

/** Keys that Kubernetes demands of a Secret of each type; refused here if a template leaves them out. */
const typeRules: CelRule[] = [
  cel("self.type != 'kubernetes.io/tls' || !has(self.template) || !has(self.template.data) || ['tls.crt', 'tls.key'].all(k, k in self.template.data)",
    'a Secret of type kubernetes.io/tls needs tls.crt and tls.key in template.data'),
  cel("self.type != 'kubernetes.io/dockerconfigjson' || !has(self.template) || !has(self.template.data) || '.dockerconfigjson' in self.template.data",
    'a Secret of type kubernetes.io/dockerconfigjson needs .dockerconfigjson in template.data'),
  cel("self.type != 'kubernetes.io/basic-auth' || !has(self.template) || !has(self.template.data) || ['username', 'password'].exists(k, k in self.template.data)",
    'a Secret of type kubernetes.io/basic-auth needs username or password in template.data'),
  cel("self.type != 'kubernetes.io/ssh-auth' || !has(self.template) || !has(self.template.data) || 'ssh-privatekey' in self.template.data",
    'a Secret of type kubernetes.io/ssh-auth needs ssh-privatekey in template.data'),
];

/** @param type the type of Secret where the manifest names none */
function targetFields(type: TargetType) {
  return {
    name: dnsSubdomain().optional().describe('Name of the Secret. Default: the name of this resource.'),
    namespace: rules(dnsLabel(), cel("!self.startsWith('kube-')", 'targets are never written to namespaces of Kubernetes itself (kube-*): choose another one'))
      .describe('Namespace of the Secret. Default: that of this resource. Another one needs both sides: an AccessPolicy of the vault that lists it in syncTo, and the label sync.keystead.dev/<this namespace>: allow on it.')
      .optional(),
    type: z.enum(targetTypes).default(type).describe('Type of the Secret.'),
    template: template.optional(),
    creationPolicy: z.enum(['Owner', 'Merge', 'Orphan']).default('Owner')
      .describe('Owner: Keystead creates the Secret and keeps all its data. Merge: Keystead writes its keys into an existing Secret that carries the label keystead.dev/merge. Orphan: as Owner, but without an owner reference.'),
    deletionPolicy: z.enum(['Delete', 'Retain']).optional()
      .describe('What happens to the Secret, or with Merge to our keys in it, when this resource goes or names another target. Default: Delete with Owner, Retain with Merge and Orphan.'),
    immutable: z.boolean().default(false).describe('Makes the Secret immutable; a new value replaces it by deleting and creating, with a short gap.'),
    restart: list(workload, 16).optional()
      .describe('Workloads that are rolled when the content changes; only those that carry the annotation keystead.dev/restart-on: <name of the Secret>.'),
  };
}

const targetRules: readonly CelRule[] = [
  cel("!(self.immutable && self.creationPolicy == 'Merge')", 'immutable needs a Secret of our own: set creationPolicy to Owner or Orphan, or remove immutable', '.immutable'),
  ...typeRules,
];
const TARGET = 'The Kubernetes Secret that this is synced into. A Secret that is not ours is never overwritten.';

/** @param type the type of Secret where the manifest names none */
export function target(type: TargetType) {
  return rules(z.object(targetFields(type)), ...targetRules).transform(withDeletionPolicy).describe(TARGET);
}

/** The target of a certificate, which can be written in more forms. */
export function certificateTarget() {
  return rules(z.object({ ...targetFields('kubernetes.io/tls'), ...outputFields }), ...targetRules, ...outputRules).transform(withDeletionPolicy).describe(TARGET);
}

/** The default hangs on another field, which no CRD default can say. */
function withDeletionPolicy<T extends { creationPolicy: string; deletionPolicy?: 'Delete' | 'Retain' | undefined }>(spec: T) {
  const deletionPolicy: 'Delete' | 'Retain' = spec.deletionPolicy ?? (spec.creationPolicy === 'Owner' ? 'Delete' : 'Retain');
  return { ...spec, deletionPolicy };
}

export type TargetInput = z.input<ReturnType<typeof target>>;

/** A target after defaulting: where it lies and what becomes of it are always said. */
export type Target = z.output<ReturnType<typeof target>> & { readonly name: string; readonly namespace: string };

/** A certificate's. */
export type CertificateTarget = Target & Outputs;

/** Fills in what hangs on the resource itself. */
export function resolveTarget<Written extends z.output<ReturnType<typeof target>>>(
  written: Written, resource: { readonly name: string; readonly namespace?: string },
): Written & Target {
  return { ...written, name: written.name ?? resource.name, namespace: written.namespace ?? resource.namespace ?? '' };
}
