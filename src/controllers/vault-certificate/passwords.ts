import { KeysteadError } from '../../api/error.ts';
import { isNotFound } from '../../kube/errors.ts';
import { resources } from '../../kube/resource.ts';
import { RecordChanged } from '../../vault/record-changed.ts';
import { sourceSecret, type SourceSecret } from '../vault-secret/source.ts';
import { MANAGED_LABEL, SOURCE_LABEL, type World } from '../world.ts';

/** One key of a Secret whose owner lets this vault use it. */
export interface PasswordReference {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  readonly vault: string;
}

/** The password in a Secret as the cache knows it: by a digest that tells whether it is another one. */
export interface ReferredPassword extends PasswordReference {
  readonly digest: string;
}

const LONGEST_PASSWORD = 1024;

/** @throws KeysteadError SourceMissing; the watch of source Secrets tells when that has changed */
export function findPassword(world: Pick<World, 'informers'>, reference: PasswordReference): ReferredPassword {
  return { ...reference, digest: digestOf(world.informers.sourceSecrets.get(`${reference.namespace}/${reference.name}`), reference) };
}

/**
 * Reads the password that was found, and no other: one that changed meanwhile would be written as if it were the old one.
 * @throws KeysteadError RecordChanged, SourceMissing, KeystorePasswordInvalid; none of them holds any of it
 */
export async function readPassword(world: Pick<World, 'client'>, found: ReferredPassword, signal: AbortSignal): Promise<string> {
  const { namespace, name, key } = found;
  const secret = await world.client.get(resources.secrets, { namespace, name }, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (digestOf(secret && sourceSecret(secret), found) !== found.digest) throw new RecordChanged(`Secret ${namespace}/${name}`);
  const octets = Buffer.from(secret?.data?.[key] ?? '', 'base64');
  try {
    return passwordFrom(octets, found);
  } finally {
    octets.fill(0);
  }
}

function digestOf(secret: SourceSecret | undefined, { name, key, vault }: PasswordReference): string {
  const labels = secret?.metadata.labels;
  if (secret === undefined || labels?.[SOURCE_LABEL] !== vault) {
    throw missing(`Secret ${name} for the password of a keystore does not exist here with the label ${SOURCE_LABEL}: ${vault}. Create it, or have its owner put the label on it.`);
  }
  // What Keystead writes is never what Keystead reads: else a target could feed itself (decisions 28).
  if (labels[MANAGED_LABEL] !== undefined) throw missing(`Secret ${name} is written by Keystead itself, so no password is taken from it. Name another Secret.`);
  const digest = Object.hasOwn(secret.digests, key) ? secret.digests[key] : undefined;
  if (digest === undefined) throw missing(`Secret ${name} has no key ${key} for the password of a keystore. Add it, or correct passwordSecretRef.`);
  return digest;
}

/** Text, since the formats want characters. A line break at the end, as `echo` leaves it, would be part of the password. */
function passwordFrom(octets: Buffer, { name, key }: PasswordReference): string {
  const password = decodeUtf8(octets);
  if (password === undefined || password.length === 0 || octets.length > LONGEST_PASSWORD || /\p{Cc}/u.test(password)) {
    const message = `Key ${key} of Secret ${name} is no password of a keystore: it must be 1 to ${LONGEST_PASSWORD} bytes of UTF-8 text without control characters (is there a line break at its end?). Correct the Secret.`;
    throw new KeysteadError('KeystorePasswordInvalid', message, 'wait');
  }
  return password;
}

function decodeUtf8(octets: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return undefined;
  }
}

const missing = (message: string): KeysteadError => new KeysteadError('SourceMissing', message, 'wait');
