/**
 * The shapes of Kubernetes objects, slim and as they are on the wire: times are strings, nothing is a class.
 * Whatever comes from a cache is shared and read-only; build a new object to change something.
 */

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Metadata as the API server returns it. */
export interface ObjectMeta {
  readonly name: string;
  /** Absent on cluster-scoped objects. */
  readonly namespace?: string;
  readonly uid: string;
  /** Opaque: compare for equality only. */
  readonly resourceVersion: string;
  /** Counts changes of `spec`; absent on some built-in kinds. */
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

/** Metadata as a caller writes it; `resourceVersion` makes an update a compare-and-swap, `uid` pins an apply. */
export type MetadataToWrite = Pick<ObjectMeta, 'name'> & Partial<ObjectMeta>;

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** A custom resource. */
export interface CustomObject<Spec = unknown, Status = unknown> extends KubeObject {
  readonly spec: Spec;
  readonly status?: Status;
}

/** What a caller hands in: the client adds apiVersion and kind, the server the rest of the metadata. */
export type ToWrite<T extends KubeObject> = Omit<T, 'apiVersion' | 'kind' | 'metadata'> & { readonly metadata: MetadataToWrite };

/** metav1.Condition. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

/** Names one object of a known resource. `namespace` is undefined for cluster-scoped ones. */
export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** The key of an object in caches and queues: `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf(object: ObjectName): string {
  return object.namespace === undefined ? object.name : `${object.namespace}/${object.name}`;
}

/** The reverse of `keyOf`. */
export function nameOf(key: string): ObjectName {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
