import { createHash } from 'node:crypto';
import { canonical } from '../../crypto/canonical.ts';
import type { Target } from '../../api/target.ts';
import { valueOf, type Owner } from './identity.ts';
import { contentDigest, type ManagedSecret } from './managed-secret.ts';

/** Makes HMACs that may be published, under the vault's key: `objects.hash(vault, 'published', parts)`. */
export type PublishedHash = (parts: readonly string[]) => Promise<string>;

/** What makes the content of a target what it is, beside the values themselves. */
export interface ContentSource {
  readonly owner: Owner;
  readonly target: Target;
  /** Id of the version in the vault. */
  readonly version: string;
  /** Whatever else is public and shapes the content, such as the roots in a certificate's ca.crt. */
  readonly publicInputs: readonly string[];
}

/** A Secret as it is, or as it would be. */
export interface Content {
  readonly type: string;
  readonly digests: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

export function contentOf(secret: ManagedSecret): Content {
  const { labels, annotations } = secret.metadata;
  return { type: secret.type, digests: secret.digests, labels, annotations };
}

/**
 * What the published HMAC of a target covers. If the HMAC of a live Secret's parts is the one written on it, Keystead
 * wrote it, there, for this resource, version and spec, and nobody changed it since: known without decrypting anything.
 * A foreign edit, a copy, or an older state put back gives other parts. Undefined if a key is missing.
 *
 * @param keys with Merge, the keys of `data` that are ours; all of them otherwise
 */
export function contentParts(source: ContentSource, content: Content, keys?: readonly string[]): readonly string[] | undefined {
  const { target, owner } = source;
  const data = contentDigest(content.digests, keys);
  if (data === undefined) return undefined;
  // The type of a merged Secret is its owner's affair.
  const type = target.creationPolicy === 'Merge' ? '' : content.type;
  const where = ['target', target.namespace, target.name, type, owner.kind, owner.namespace, owner.name, owner.uid];
  return [...where, source.version, specHash(target), data, templateMetadataDigest(target, content), ...source.publicInputs];
}

/** Covers the values alone, so that workloads are rolled when a value changes and never for anything else (decisions 35). */
export function restartParts(target: Target, owner: Owner, content: Content): readonly string[] {
  return ['restart', target.namespace, target.name, owner.uid, contentDigest(content.digests) ?? ''];
}

/** Equal for equal content: says whether a write is new content or puts right what was written before. */
export function sourceKey({ owner, target, version, publicInputs }: ContentSource): string {
  return [owner.uid, version, specHash(target), ...publicInputs].join(' ');
}

/** Over all of a target's spec that shapes the Secret. */
function specHash(target: Target): string {
  const { type, template, creationPolicy, deletionPolicy, immutable } = target;
  return createHash('sha256').update(JSON.stringify(sorted({ type, template, creationPolicy, deletionPolicy, immutable }))).digest('hex');
}

/** Over the labels and annotations that the template sets, as they are on the Secret. */
function templateMetadataDigest(target: Target, content: Content): string {
  const parts = (['labels', 'annotations'] as const).flatMap((field) =>
    Object.keys(target.template?.[field] ?? {}).toSorted().flatMap((key) => {
      const value = valueOf(content[field], key);
      return [field, key, value === undefined ? 'absent' : `=${value}`];
    }),
  );
  return createHash('sha256').update(canonical(parts)).digest('hex');
}

/** The same value with the keys of all objects in order, so that equal specs give equal text. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]));
}
