import { apiVersion, labels } from '../../api/names.ts';
import { keyOf, type KubeObject, type OwnerReference } from '../../kube/object.ts';
import type { ManagedSecret } from './managed-secret.ts';

/** The resource that a target belongs to. */
export interface Owner {
  readonly kind: 'VaultSecret' | 'VaultCertificate';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/**
 * What Keystead writes on its targets beside the label `keystead.dev/managed`. They say whose a Secret is; who can forge
 * them can write that Secret anyway. Whether its content is ours is said by `content` alone, a MAC.
 */
export const marks = {
  /** Kind/namespace/name of the resource. */
  resource: 'keystead.dev/resource',
  uid: 'keystead.dev/resource-uid',
  /** namespace/name of this very Secret: a copy under another name carries the wrong one. */
  target: 'keystead.dev/target',
  version: 'keystead.dev/version',
  content: 'keystead.dev/content',
  /** The labels and annotations that come from the template, so that they go when it drops them. */
  templateMetadata: 'keystead.dev/template-metadata',
  /** With `restart`: the hash that workloads are rolled to, and when it last took the place of another one. */
  restartHash: 'keystead.dev/restart-hash',
  contentChanged: 'keystead.dev/content-changed',
} as const;

/** With Merge there may be several resources on one Secret, so each has one annotation of its own. */
const MERGED = 'keystead.dev/merged.';

export function mergeMark(uid: string): string {
  return `${MERGED}${uid}`;
}

/** What the marks of a whole Secret say. */
export interface Marks {
  readonly owner: Owner;
  readonly target: string;
  readonly version: string;
  readonly content: string;
}

/** What the mark of one resource on a merged Secret says. */
export interface MergeMark {
  readonly owner: Owner;
  readonly version: string;
  readonly content: string;
  /** Keys of `data` that are the resource's. */
  readonly keys: readonly string[];
}

export function ownerOf(resource: KubeObject): Owner {
  const { namespace = '', name, uid } = resource.metadata;
  return { kind: resource.kind === 'VaultCertificate' ? 'VaultCertificate' : 'VaultSecret', namespace, name, uid };
}

/** Whether two owners are the same resource by name; uids differ when it was deleted and made anew. */
export function sameResource(a: Owner, b: Owner): boolean {
  return a.kind === b.kind && a.namespace === b.namespace && a.name === b.name;
}

export function describeOwner(owner: Owner): string {
  return `${owner.kind}/${owner.namespace}/${owner.name}`;
}

function parseOwner(text: string | undefined, uid: string | undefined): Owner | undefined {
  const [kind, namespace, name, ...more] = text?.split('/') ?? [];
  if (more.length > 0 || !namespace || !name || !uid) return undefined;
  return kind === 'VaultSecret' || kind === 'VaultCertificate' ? { kind, namespace, name, uid } : undefined;
}

/** Undefined when the Secret has no marks; `malformed` when it has some that nobody of ours wrote. */
export function marksOf(secret: ManagedSecret): Marks | 'malformed' | undefined {
  const { annotations } = secret.metadata;
  const [resource, uid, target, version, content] = [marks.resource, marks.uid, marks.target, marks.version, marks.content].map((key) => valueOf(annotations, key));
  if ([resource, uid, target, version, content].every((value) => value === undefined)) return undefined;
  const owner = parseOwner(resource, uid);
  return owner === undefined || target === undefined ? 'malformed' : { owner, target, version: version ?? '', content: content ?? '' };
}

export function mergeMarkOf(secret: ManagedSecret, uid: string): MergeMark | undefined {
  const text = valueOf(secret.metadata.annotations, mergeMark(uid));
  if (text === undefined) return undefined;
  const { resource, version, content, keys } = parseObject(text);
  const owner = typeof resource === 'string' ? parseOwner(resource, uid) : undefined;
  if (owner === undefined || typeof version !== 'string' || typeof content !== 'string' || !isStrings(keys)) return undefined;
  return { owner, version, content, keys };
}

export function mergeMarkText(mark: MergeMark): string {
  return JSON.stringify({ resource: describeOwner(mark.owner), version: mark.version, keys: mark.keys, content: mark.content });
}

/**
 * The resources that a Secret names as its own, unverified: good for finding whom to wake, for nothing else. Of an event
 * ask for the state before and after: somebody may have removed the marks.
 */
export function ownersOf(secret: ManagedSecret | undefined): readonly Owner[] {
  if (secret === undefined) return [];
  const whole = marksOf(secret);
  const merged = Object.keys(secret.metadata.annotations ?? {})
    .filter((key) => key.startsWith(MERGED))
    .map((key) => mergeMarkOf(secret, key.slice(MERGED.length))?.owner);
  return [whole === undefined || whole === 'malformed' ? undefined : whole.owner, ...merged].filter((owner) => owner !== undefined);
}

interface TargetName {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/**
 * namespace/name of the target of a resource as it came from the API server; undefined if it has none. To index
 * resources by, so that an event of a Secret that has lost its marks finds them too.
 */
export function targetKeyOf(resource: KubeObject & { readonly spec: { readonly target?: TargetName | undefined } }): string | undefined {
  const { target } = resource.spec;
  if (target === undefined) return undefined;
  return keyOf({ namespace: target.namespace ?? resource.metadata.namespace, name: target.name ?? resource.metadata.name });
}

/** The vault that the label says; undefined where the Secret is not marked as managed. */
export function managingVault(secret: ManagedSecret): string | undefined {
  return valueOf(secret.metadata.labels, labels.managed);
}

/** Without `controller`, of which there can be only one, and never blocking the deletion of the resource (decisions 50). */
export function ownerReference(owner: Owner): OwnerReference {
  return { apiVersion, kind: owner.kind, name: owner.name, uid: owner.uid, blockOwnerDeletion: false };
}

/** An own property: labels and annotations are somebody else's input. */
export function valueOf(map: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}
