import { defaultGuardParameters } from '../access/guards/guard.ts';
import type { Identity } from '../crypto/identity.ts';
import type { KubeClient } from '../kube/client.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import type { ConfigMap } from '../kube/kinds.ts';
import type { Permission } from '../kube/permissions.ts';
import { resources } from '../kube/resource.ts';
import { between, type FailAt } from '../runtime/fail-point.ts';

/** The ConfigMap that a guard lets nobody but the operator write; everybody who is logged in may read it. */
export const IDENTITY_CONFIG_MAP = defaultGuardParameters.identityConfigMap;

/** Keys of that ConfigMap. They are interface: `kubectl keystead csr` and people read them. */
export const identityKeys = { publicKey: 'identity.pub', fingerprint: 'fingerprint' } as const;

export const identityPermissions: readonly Permission[] = [
  { apiGroup: '', resource: 'configmaps', verbs: ['create'], scope: 'operatorNamespace' },
  { apiGroup: '', resource: 'configmaps', verbs: ['get', 'update'], resourceNames: [IDENTITY_CONFIG_MAP], scope: 'operatorNamespace' },
];

export interface IdentityParts {
  /** Writes only while this process leads. */
  readonly client: KubeClient;
  readonly namespace: string;
  readonly identity: Identity;
  readonly failAt: FailAt;
  readonly signal: AbortSignal;
}

/**
 * Publishes the public half of the identity key, when a process leads for the first time and only if it is not there as
 * it should be: what it says follows from the installation record alone, so whatever else stands there is overwritten.
 */
export async function publishIdentity(parts: IdentityParts): Promise<void> {
  const { client, namespace, identity, failAt, signal } = parts;
  const data = { [identityKeys.publicKey]: identity.publicKeyPem, [identityKeys.fingerprint]: identity.fingerprint };
  const live = await read(parts);
  if (live !== undefined && Object.entries(data).every(([key, value]) => live.data?.[key] === value)) return;
  const metadata = { namespace, name: IDENTITY_CONFIG_MAP };
  try {
    await between(failAt, 'identity', () =>
      live === undefined
        ? client.create(resources.configMaps, { metadata, data }, { signal })
        : client.update(resources.configMaps, { metadata: { ...metadata, resourceVersion: live.metadata.resourceVersion }, data }, { signal }));
  } catch (error) {
    // Somebody was faster: what he wrote is looked at like everything else.
    if (!isAlreadyExists(error)) throw error;
    await publishIdentity(parts);
  }
}

async function read({ client, namespace, signal }: IdentityParts): Promise<ConfigMap | undefined> {
  try {
    return await client.get(resources.configMaps, { namespace, name: IDENTITY_CONFIG_MAP }, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
