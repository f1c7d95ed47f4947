import type { KubeObject, ObjectMeta } from './object.ts';
import { apiVersionOf, type Resource } from './resource.ts';

/** What of an object is kept in a cache. Must build a new object: deleting fields leaves a slow, larger one behind. */
export type Transform<T extends KubeObject> = (object: T) => T;

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Drops managedFields and kubectl's copy of the whole object: about half of the memory, and in the case of Secrets a
 * second copy of the values. Do not PUT annotations from such an object back without merging: kubectl's would be lost.
 */
export function slim<T extends KubeObject>(object: T): T {
  const metadata = metadataOf(object);
  if (metadata.annotations?.[LAST_APPLIED] === undefined) {
    return { ...object, metadata };
  }
  const { [LAST_APPLIED]: _dropped, ...annotations } = metadata.annotations;
  return { ...object, metadata: { ...metadata, annotations } };
}

/** Drops managedFields only: for objects that are written back whole. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  return { ...object, metadata: metadataOf(object) };
}

/** For metadata-only caches: whatever a write answers, spec and data are not kept. */
export function metadataOnly<T extends KubeObject>(resource: Resource<T>): Transform<T> {
  return (object) => {
    const kept: KubeObject = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: slim(object).metadata };
    // A metadata-only resource is declared with a type that has nothing else, which the compiler cannot know.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return kept as T;
  };
}

function metadataOf(object: KubeObject): ObjectMeta {
  const { managedFields: _dropped, ...metadata } = object.metadata as ObjectMeta & { managedFields?: unknown };
  return metadata;
}
