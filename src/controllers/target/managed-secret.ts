import { createHash } from 'node:crypto';
import { canonical } from '../../crypto/canonical.ts';
import type { Secret } from '../../kube/kinds.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resources, typed, type Resource } from '../../kube/resource.ts';
import { slim } from '../../kube/transform.ts';

/**
 * What is kept of a Secret that Keystead writes: enough to see whether it is as it should be, and to write it back
 * without losing what other people put on it. Never a value: a heap dump of the operator shows digests only.
 */
export interface ManagedSecret extends KubeObject {
  readonly type: string;
  readonly immutable: boolean;
  /** SHA-256 of the value of each key, base64url. Not for publishing: short values could be guessed from it. */
  readonly digests: Readonly<Record<string, string>>;
}

/** Secrets, as informers of managed Secrets type them. */
export const managedSecretResource: Resource<ManagedSecret> = typed<ManagedSecret>(resources.secrets);

/**
 * The transform of those informers; also what a write hands back, so it takes both forms. kubectl's last-applied
 * annotation is dropped for good, from the Secret too at the next write: it is a second copy of values.
 */
export function managedSecret(object: Secret | ManagedSecret): ManagedSecret {
  if ('digests' in object) return object;
  const values = Object.entries(object.data ?? {}).map(([key, value]): [string, Buffer] => [key, Buffer.from(value, 'base64')]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: slim(object).metadata,
    type: object.type ?? 'Opaque',
    immutable: object.immutable ?? false,
    digests: digestsOf(values),
  };
}

/** The digest of each value. */
export function digestsOf(data: Iterable<readonly [string, Buffer]>): Readonly<Record<string, string>> {
  // fromEntries defines properties, so that a key named __proto__ is a key like any other.
  return Object.fromEntries(Array.from(data, ([key, value]) => [key, createHash('sha256').update(value).digest('base64url')]));
}

/**
 * One digest, hex, over keys and values in the order of the keys; of all keys, or of `only` some.
 * Undefined if one of those is missing.
 */
export function contentDigest(digests: Readonly<Record<string, string>>, only?: readonly string[]): string | undefined {
  const keys = (only ?? Object.keys(digests)).toSorted((a, b) => (a < b ? -1 : 1));
  const parts: string[] = [];
  for (const key of keys) {
    const digest = Object.hasOwn(digests, key) ? digests[key] : undefined;
    if (digest === undefined) return undefined;
    parts.push(key, digest);
  }
  return createHash('sha256').update(canonical(parts)).digest('hex');
}
