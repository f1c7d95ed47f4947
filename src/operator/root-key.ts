import { KeysteadError } from '../api/error.ts';
import { KEY_BYTES } from '../crypto/aead.ts';
import { localRootKey, type RootKey } from '../crypto/root-key.ts';
import type { KubeClient } from '../kube/client.ts';
import { isAlreadyExists, isNotFound } from '../kube/errors.ts';
import { resources } from '../kube/resource.ts';
import { between, type FailAt } from '../runtime/fail-point.ts';
import type { Random } from '../runtime/random.ts';
import type { Store } from '../store/store.ts';
import { isFirstStart } from '../vault/installation.ts';

/** The Secret that holds the `local` root key. The chart never owns or prunes it (decisions 57). */
export const ROOT_KEY_SECRET = 'keystead-root-key';
export const ROOT_KEY_TYPE = 'keystead.dev/root-key';
/** The key of its data under which the bytes lie. */
export const ROOT_KEY_FIELD = 'root-key';

export interface RootKeyParts {
  /** Writes only while this process leads: the root key is the leader's to make. */
  readonly client: KubeClient;
  readonly namespace: string;
  readonly store: Store;
  readonly random: Random;
  readonly failAt: FailAt;
  readonly signal: AbortSignal;
}

/**
 * The root key from its Secret; made by POST at the very first start only (decisions 15).
 * @throws KeysteadError RootKeyMissing when there are records but no key: nothing is written then
 */
export async function loadRootKey(parts: RootKeyParts): Promise<RootKey> {
  const existing = await readRootKey(parts);
  if (existing !== undefined) return existing;
  if (!(await isFirstStart(parts.store, parts.signal))) {
    throw new KeysteadError(
      'RootKeyMissing',
      `Secret ${parts.namespace}/${ROOT_KEY_SECRET} is missing, but there are records that only it opens. Restore it from a backup; ` +
        'nothing is written until then, and no new key is made.',
      'wait',
    );
  }
  return makeRootKey(parts);
}

async function readRootKey({ client, namespace, random, signal }: RootKeyParts): Promise<RootKey | undefined> {
  try {
    const secret = await client.get(resources.secrets, { namespace, name: ROOT_KEY_SECRET }, { signal });
    const bytes = Buffer.from(secret.data?.[ROOT_KEY_FIELD] ?? '', 'base64');
    if (secret.type !== ROOT_KEY_TYPE || bytes.length !== KEY_BYTES) {
      throw new KeysteadError(
        'RootKeyMismatch',
        `Secret ${namespace}/${ROOT_KEY_SECRET} is not a root key: it must have type ${ROOT_KEY_TYPE} and ${KEY_BYTES} bytes under ${ROOT_KEY_FIELD}. Restore it from a backup.`,
        'wait',
      );
    }
    return localRootKey(bytes, random);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function makeRootKey(parts: RootKeyParts): Promise<RootKey> {
  const { client, namespace, random, failAt, signal } = parts;
  const bytes = random.bytes(KEY_BYTES);
  const secret = { metadata: { namespace, name: ROOT_KEY_SECRET }, type: ROOT_KEY_TYPE, data: { [ROOT_KEY_FIELD]: bytes.toString('base64') } };
  try {
    await between(failAt, 'root-key', () => client.create(resources.secrets, secret, { signal }));
    return localRootKey(bytes, random);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return loadRootKey(parts);
  }
}
