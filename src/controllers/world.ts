import { passwordSources } from '../api/outputs.ts';
import type { KeyGenerator } from '../crypto/keys.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { KubeClient } from '../kube/client.ts';
import { Informer } from '../kube/informer.ts';
import { keyOf, type KubeObject } from '../kube/object.ts';
import { resources } from '../kube/resource.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ClockGuard } from '../runtime/clock-guard.ts';
import type { FailAt } from '../runtime/fail-point.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { Objects } from '../vault/objects.ts';
import type { Vaults } from '../vault/vaults.ts';
import type { PoliciesInForce } from './access-policy/policies-in-force.ts';
import type { Declarations } from './declarations.ts';
import type { GuardWatch } from './guards.ts';
import { kinds } from './resources.ts';
import type { Targets } from './target/targets.ts';
import { managedSecret, managedSecretResource } from './target/managed-secret.ts';
import { sourceSecret, sourceSecretResource } from './vault-secret/source.ts';

/** What the deployment decides, the same for every vault. */
export interface Deployment {
  /** Keystead's own namespace. */
  readonly namespace: string;
  /** The namespaces that are served; undefined: all, those that come later included. */
  readonly namespaces?: readonly string[] | undefined;
  /** Label and annotation domains that templates may not write (decisions 28). */
  readonly deniedDomains: readonly string[];
  /** Whether workloads may be restarted: the permission behind a chart switch. */
  readonly restart: boolean;
}

/** What all controllers see and work with. Made once in the wiring; holds no state of its own. */
export interface World {
  readonly deployment: Deployment;
  /** Writes only while this process leads. */
  readonly client: KubeClient;
  readonly informers: Informers;
  readonly vaults: Vaults;
  readonly objects: Objects;
  readonly declarations: Declarations;
  readonly policies: PoliciesInForce;
  readonly guards: GuardWatch;
  readonly targets: Targets;
  readonly keys: KeyGenerator;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly clockGuard: ClockGuard;
  readonly random: Random;
  readonly log: Log;
  readonly failAt: FailAt;
}

export type Informers = ReturnType<typeof createInformers>;

export interface InformerParts {
  readonly client: KubeClient;
  /** The namespaces to watch; undefined: all. */
  readonly namespaces?: readonly string[] | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Labels that make a Secret ours to watch; all others are never seen (DESIGN §8). */
export const MANAGED_LABEL = 'keystead.dev/managed';
export const MERGE_LABEL = 'keystead.dev/merge';
export const SOURCE_LABEL = 'keystead.dev/source';

interface DeclaringObject extends KubeObject {
  readonly spec: { readonly vaultRef: { readonly name: string }; readonly objectName?: string | undefined };
}

/** `namespace/vault/object`, in lower case as objects compare. */
function byObject({ metadata, spec }: DeclaringObject): string[] {
  return [`${metadata.namespace ?? ''}/${spec.vaultRef.name}/${(spec.objectName ?? metadata.name).toLowerCase()}`];
}

interface SyncedObject extends KubeObject {
  readonly spec: { readonly target?: { readonly namespace?: string | undefined; readonly name?: string | undefined } | undefined };
}

/** `namespace/name` of the target. */
function targetKeys({ metadata, spec: { target } }: SyncedObject): string[] {
  return target === undefined ? [] : [keyOf({ namespace: target.namespace ?? metadata.namespace, name: target.name ?? metadata.name })];
}

/** Everything that the operator watches. Secrets are reduced to digests before they are kept. */
export function createInformers({ namespaces, ...everywhere }: InformerParts) {
  const parts = { ...everywhere, namespaces };
  const byVault = (object: { readonly metadata: KubeObject['metadata']; readonly spec: { readonly vaultRef: { readonly name: string } } }): string[] => [
    `${object.metadata.namespace ?? ''}/${object.spec.vaultRef.name}`,
  ];
  return {
    vaults: new Informer({ ...parts, resource: kinds.vaults }),
    deletedVaults: new Informer({ ...everywhere, resource: kinds.deletedVaults }),
    vaultSecrets: new Informer({
      ...parts,
      resource: kinds.vaultSecrets,
      indexes: {
        vault: byVault,
        object: byObject,
        target: targetKeys,
        source: (secret) => (secret.spec.secretRef === undefined ? [] : [`${secret.metadata.namespace ?? ''}/${secret.spec.secretRef.name}`]),
        targetNamespace: (secret) => targetNamespaces(secret.spec.target),
      },
    }),
    vaultCertificates: new Informer({
      ...parts,
      resource: kinds.vaultCertificates,
      indexes: {
        vault: byVault,
        object: byObject,
        target: targetKeys,
        issuer: (certificate) => [`${certificate.spec.issuerRef.namespace ?? certificate.metadata.namespace ?? ''}/${certificate.spec.issuerRef.name}`],
        targetNamespace: (certificate) => targetNamespaces(certificate.spec.target),
        source: ({ metadata, spec }) => passwordSources(metadata.namespace ?? '', spec.target),
      },
    }),
    vaultIssuers: new Informer({
      ...parts,
      resource: kinds.vaultIssuers,
      indexes: {
        vault: (issuer) => (issuer.spec.ca === undefined ? [] : [`${issuer.metadata.namespace ?? ''}/${issuer.spec.ca.vaultRef.name}`]),
        certificate: (issuer) =>
          issuer.spec.ca === undefined ? [] : [`${issuer.metadata.namespace ?? ''}/${issuer.spec.ca.vaultRef.name}/${issuer.spec.ca.certificateName.toLowerCase()}`],
      },
    }),
    accessPolicies: new Informer({ ...parts, resource: kinds.accessPolicies, indexes: { vault: byVault } }),
    managedSecrets: new Informer({ ...parts, resource: managedSecretResource, labelSelector: MANAGED_LABEL, transform: managedSecret }),
    mergeSecrets: new Informer({ ...parts, resource: managedSecretResource, labelSelector: MERGE_LABEL, transform: managedSecret }),
    sourceSecrets: new Informer({ ...parts, resource: sourceSecretResource, labelSelector: SOURCE_LABEL, transform: sourceSecret }),
    namespaces: new Informer({ ...everywhere, resource: resources.namespaces, representation: 'metadata' }),
    guards: new Informer({ ...everywhere, resource: resources.validatingAdmissionPolicies }),
    guardBindings: new Informer({ ...everywhere, resource: resources.validatingAdmissionPolicyBindings }),
  };
}

/** Only targets in other namespaces hang on a namespace's labels. */
function targetNamespaces(target: { readonly namespace?: string | undefined } | undefined): string[] {
  return target?.namespace === undefined ? [] : [target.namespace];
}
