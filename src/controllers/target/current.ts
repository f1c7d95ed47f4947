import { isOwnedByReference } from './compose.ts';
import { contentOf, contentParts, type ContentSource, type PublishedHash } from './content.ts';
import { managingVault, marksOf, mergeMarkOf, sameResource } from './identity.ts';
import type { ManagedSecret } from './managed-secret.ts';

/**
 * Whether a live Secret is exactly what Keystead would write now, told from the MAC on it, so that nothing has to be
 * decrypted: after a restart with ten thousand targets this is all that happens.
 */
export async function isCurrent(source: ContentSource, vault: string, live: ManagedSecret, hash: PublishedHash): Promise<boolean> {
  const merged = source.target.creationPolicy === 'Merge';
  const mark = merged ? mergeMarkOf(live, source.owner.uid) : wholeMark(source, vault, live);
  if (mark === undefined || mark.version !== source.version || !sameResource(mark.owner, source.owner) || mark.owner.uid !== source.owner.uid) return false;
  const parts = contentParts(source, contentOf(live), 'keys' in mark ? mark.keys : undefined);
  return parts !== undefined && mark.content === (await hash(parts));
}

/** The marks, if all that the MAC does not cover is right too. */
function wholeMark({ owner, target }: ContentSource, vault: string, live: ManagedSecret) {
  const marks = marksOf(live);
  if (marks === undefined || marks === 'malformed' || marks.target !== `${target.namespace}/${target.name}`) return undefined;
  const referenced = (live.metadata.ownerReferences ?? []).some(({ uid }) => uid === owner.uid);
  const right = managingVault(live) === vault && live.type === target.type && live.immutable === target.immutable;
  return right && referenced === isOwnedByReference(target, owner) ? marks : undefined;
}
