import { consents, neverTarget } from '../../access/consent.ts';
import { syncConsentLabel } from '../../api/names.ts';
import { targetTypes, type Target } from '../../api/target.ts';
import type { ObjectMeta } from '../../kube/object.ts';
import type { VersionHead } from '../../vault/object-record.ts';
import type { Owner } from './identity.ts';
import { refusal, type Refusal } from './refusal.ts';

/**
 * Whether a version counts as the resource's own, which it may sync into its own namespace without anybody's leave
 * (decisions 1, 58): it made the version itself, and after the target was set or moved.
 *
 * @param of.versions newest first
 * @param of.sinceVersion the version that was current when the target was set or moved; undefined if there was none. One
 *   that is no longer kept was older than all that are.
 */
export function madeByItself(of: {
  readonly uid: string;
  readonly version: Pick<VersionHead, 'id' | 'origin'>;
  readonly versions: readonly Pick<VersionHead, 'id'>[];
  readonly sinceVersion?: string;
}): boolean {
  if (of.version.origin !== of.uid) return false;
  if (of.sinceVersion === undefined) return true;
  const since = of.versions.findIndex(({ id }) => id === of.sinceVersion);
  const at = of.versions.findIndex(({ id }) => id === of.version.id);
  return at >= 0 && (since < 0 || at < since);
}

export interface ConsentFacts {
  readonly owner: Owner;
  readonly target: Target;
  readonly operatorNamespace: string;
  /** `madeByItself`. */
  readonly ownVersion: boolean;
  /** An AccessPolicy of the vault lists the namespace in `syncTo`, and none denies it. */
  readonly syncAllowed: boolean;
  /** The namespace of the target as the watch knows it. */
  readonly namespace: { readonly metadata: Pick<ObjectMeta, 'labels' | 'deletionTimestamp'> } | undefined;
  /** The Secret is there and ours: then something that was allowed is so no longer. */
  readonly hasTarget: boolean;
}

/** Why this version may not be written to this namespace; undefined if it may. The first reason counts. */
export function decideConsent(facts: ConsentFacts): Refusal | undefined {
  const { owner, target, namespace } = facts;
  const own = target.namespace === owner.namespace;
  if (neverTarget(target.namespace, facts.operatorNamespace)) {
    return refusal('TargetNotAllowed', `Keystead writes no Secret in namespace ${target.namespace}. Choose another spec.target.namespace.`, 'stalled');
  }
  if (!targetTypes.includes(target.type)) {
    return refusal('TargetNotAllowed', `Keystead writes no Secret of type ${target.type}. Choose another spec.target.type.`, 'stalled');
  }
  // The watch of namespaces may be behind; a resource's own namespace is there as long as the resource is.
  if (namespace === undefined && !own) {
    return refusal('NamespaceMissing', `There is no namespace ${target.namespace}. Create it, or correct spec.target.namespace.`, 'wait');
  }
  if (namespace?.metadata.deletionTimestamp !== undefined) return terminating(target.namespace);
  return consentOf(facts, own);
}

function consentOf(facts: ConsentFacts, own: boolean): Refusal | undefined {
  const { owner, target, namespace } = facts;
  const reason = facts.hasTarget ? 'ConsentWithdrawn' : 'SyncNotAllowed';
  const kept = facts.hasTarget ? ' The Secret is kept as it is and no longer updated.' : '';
  if (!facts.syncAllowed && !(own && facts.ownVersion)) {
    const why = own
      ? `The current version was not made by this ${owner.kind} itself since its target was set, so writing it is reading the vault`
      : `Namespace ${target.namespace} is not the vault's own`;
    return refusal(reason, `${why}: an AccessPolicy of the vault must list ${target.namespace} in syncTo.${kept}`, 'wait');
  }
  if (!own && !consents(namespace?.metadata.labels, owner.namespace)) {
    return refusal(reason, `Namespace ${target.namespace} does not consent to targets from ${owner.namespace}. Label it ${syncConsentLabel(owner.namespace)}=allow.${kept}`, 'wait');
  }
  return undefined;
}

export function terminating(namespace: string): Refusal {
  return refusal('NamespaceTerminating', `Namespace ${namespace} is being deleted. Nothing is written to it any more.`, 'wait');
}
