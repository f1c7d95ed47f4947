import { labels } from '../../api/names.ts';
import { keyIsUnder, reservedDomains, type Target } from '../../api/target.ts';
import type { Secret } from '../../kube/kinds.ts';
import type { OwnerReference, ToWrite } from '../../kube/object.ts';
import { describeOwner, marks, mergeMark, mergeMarkText, ownerReference, valueOf, type MergeMark, type Owner } from './identity.ts';
import type { ManagedSecret } from './managed-secret.ts';
import type { Rendered } from './render.ts';

type Strings = Readonly<Record<string, string>>;

/** All that a target's Secret is made of. */
export interface Composition {
  readonly owner: Owner;
  readonly vault: string;
  readonly target: Target;
  readonly version: string;
  readonly rendered: Rendered;
  /** The Secret that is written over; it is proven to be ours. */
  readonly live: ManagedSecret | undefined;
  readonly deniedDomains: readonly string[];
  /** `restartHash` and `contentChanged`, where workloads are to be restarted. */
  readonly restartMarks: Strings;
}

/** An ownerReference only where Kubernetes may delete the Secret with its resource (decisions 50). */
export function isOwnedByReference(target: Target, owner: Owner): boolean {
  return target.creationPolicy === 'Owner' && target.deletionPolicy === 'Delete' && target.namespace === owner.namespace;
}

/**
 * The Secret as it shall be, but for the mark `content`, which covers the rest. What other people put on the live one
 * (labels, annotations, owners, finalizers) is kept; what our template put there once and no longer names, is not.
 *
 * @param mode with `create`, nothing of a reserved domain is taken over: to create it is not for the operator
 */
export function compose(parts: Composition, mode: 'create' | 'update'): ToWrite<Secret> {
  const { owner, vault, target, rendered, live } = parts;
  const { metadata } = live ?? {};
  const former = formerTemplateKeys(live);
  const kept = (map: Strings | undefined, ours: readonly string[]): Strings => keep(map, ours, mode === 'create' ? [...reservedDomains, ...parts.deniedDomains] : []);
  const ownerReferences = [...foreignOwners(metadata?.ownerReferences, owner), ...(isOwnedByReference(target, owner) ? [ownerReference(owner)] : [])];
  const pinned = mode === 'update' && metadata !== undefined ? { uid: metadata.uid, resourceVersion: metadata.resourceVersion } : {};
  return {
    metadata: {
      namespace: target.namespace,
      name: target.name,
      ...pinned,
      labels: { ...kept(metadata?.labels, former.labels), ...Object.fromEntries(rendered.labels), [labels.managed]: vault },
      annotations: { ...kept(metadata?.annotations, [...former.annotations, ...Object.values(marks)]), ...Object.fromEntries(rendered.annotations), ...marksOfContent(parts) },
      ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
      ...(metadata?.finalizers === undefined || mode === 'create' ? {} : { finalizers: metadata.finalizers }),
    },
    type: rendered.type,
    data: toBase64(rendered.data),
    ...(target.immutable ? { immutable: true } : {}),
  };
}

/** The same with the MAC over it. */
export function withContentMark(secret: ToWrite<Secret>, content: string): ToWrite<Secret> {
  const annotations = { ...secret.metadata.annotations, [marks.content]: content };
  return { ...secret, metadata: { ...secret.metadata, annotations } };
}

/**
 * What is applied into a Secret of somebody else: our keys, our template's labels and annotations, one mark. Nothing of
 * the rest; server-side apply keeps apart whose is what. Only this very Secret in this very state.
 */
export function composeMerge(parts: Composition, mark: MergeMark): ToWrite<Secret> {
  const { target, rendered, live } = parts;
  const { uid, resourceVersion } = live?.metadata ?? {};
  return {
    metadata: {
      namespace: target.namespace,
      name: target.name,
      ...(uid === undefined || resourceVersion === undefined ? {} : { uid, resourceVersion }),
      labels: Object.fromEntries(rendered.labels),
      annotations: { ...Object.fromEntries(rendered.annotations), [mergeMark(parts.owner.uid)]: mergeMarkText(mark) },
    },
    data: toBase64(rendered.data),
  };
}

function marksOfContent({ owner, target, version, rendered, restartMarks }: Composition): Strings {
  const keys = { labels: [...rendered.labels.keys()], annotations: [...rendered.annotations.keys()] };
  return {
    [marks.resource]: describeOwner(owner),
    [marks.uid]: owner.uid,
    [marks.target]: `${target.namespace}/${target.name}`,
    [marks.version]: version,
    ...(keys.labels.length + keys.annotations.length === 0 ? {} : { [marks.templateMetadata]: JSON.stringify(keys) }),
    ...restartMarks,
  };
}

function keep(map: Strings | undefined, ours: readonly string[], without: readonly string[]): Strings {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !ours.includes(key) && !keyIsUnder(key, without)));
}

/** References to the resource itself go, and to earlier ones of its name, whose uid would get the Secret collected. */
function foreignOwners(references: readonly OwnerReference[] | undefined, owner: Owner): readonly OwnerReference[] {
  const { apiVersion } = ownerReference(owner);
  return (references ?? []).filter((one) => one.uid !== owner.uid && !(one.apiVersion === apiVersion && one.kind === owner.kind && one.name === owner.name));
}

function formerTemplateKeys(live: ManagedSecret | undefined): { readonly labels: readonly string[]; readonly annotations: readonly string[] } {
  const text = valueOf(live?.metadata.annotations, marks.templateMetadata);
  try {
    const parsed: { labels?: unknown; annotations?: unknown } | null = JSON.parse(text ?? '{}');
    return { labels: foreignKeys(parsed?.labels), annotations: foreignKeys(parsed?.annotations) };
  } catch {
    // Somebody else wrote it; what it should have named stays then.
    return { labels: [], annotations: [] };
  }
}

/** A template never wrote what is reserved, so nobody can have such keys removed by naming them. */
function foreignKeys(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((key): key is string => typeof key === 'string' && !keyIsUnder(key, reservedDomains)) : [];
}

function toBase64(data: ReadonlyMap<string, Buffer>): Strings {
  return Object.fromEntries(Array.from(data, ([key, value]) => [key, value.toString('base64')]));
}
