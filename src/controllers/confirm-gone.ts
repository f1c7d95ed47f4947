import type { KubeClient } from '../kube/client.ts';
import { ApiError, isNotFound } from '../kube/errors.ts';
import type { CustomObject, ObjectName } from '../kube/object.ts';
import type { Resource } from '../kube/resource.ts';

/**
 * Whether a resource is really gone, asked of the API server itself (decisions 8): a cache that has not seen it, a list
 * that failed, or a CRD that is not served is never a reason to delete what it declared.
 *
 * `gone`: the server answered 404 for this very object. `other`: one of this name is there, but with another uid.
 * @throws ApiError, ConnectionError: nothing is known then
 */
export async function confirmGone(
  client: KubeClient,
  resource: Resource<CustomObject>,
  at: ObjectName,
  uid: string,
  signal: AbortSignal,
): Promise<'gone' | 'other' | 'there'> {
  try {
    const live = await client.get(resource, at, { signal, representation: 'metadata' });
    return live.metadata.uid === uid ? 'there' : 'other';
  } catch (error) {
    // Without its CRD the path itself is unknown, and the answer names no object.
    if (isNotFound(error) && error instanceof ApiError && error.details?.name === at.name) return 'gone';
    throw error;
  }
}
