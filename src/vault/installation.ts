import { KeysteadError } from '../api/error.ts';
import { KEY_BYTES, OpenFailed } from '../crypto/aead.ts';
import { identityOf, newIdentityKey, type Identity } from '../crypto/identity.ts';
import { sameDigest, type RootKey } from '../crypto/root-key.ts';
import { between, type FailAt } from '../runtime/fail-point.ts';
import type { Random } from '../runtime/random.ts';
import { RevisionConflict, type Store, type StoredRecord } from '../store/store.ts';
import { parseDocument, parseHead } from './codec.ts';
import { vaultKeyContext } from './keyring.ts';
import { INSTALLATION_RECORD } from './names.ts';
import { currentKey, isVaultHead } from './vault-record.ts';

/** What is stored once for the whole installation. Guarded at admission; its one secret is wrapped by the root key. */
interface InstallationRecord {
  readonly format: 1;
  /** Recognises the root key without holding it. */
  readonly rootKeyCheck: string;
  readonly rootKey: string;
  readonly created: string;
  /** Key of the audit chain, wrapped by the root key, base64. */
  readonly auditKey: string;
  /** Private half of the identity key (PKCS#8), wrapped by the root key, base64. Records of older releases lack it until the next start. */
  readonly identityKey?: string;
}

/** What a process knows once it has joined. */
export interface Installation {
  readonly auditKey: Buffer;
  readonly identity: Identity;
}

export interface InstallationParts {
  readonly store: Store;
  readonly rootKey: RootKey;
  readonly random: Random;
  readonly failAt: FailAt;
  readonly now: Date;
  readonly signal: AbortSignal;
}

const AUDIT_KEY_CONTEXT = ['audit-key'] as const;
const IDENTITY_KEY_CONTEXT = ['identity-key'] as const;

/**
 * Whether a root key may be made: only where there is neither a record nor an installation (decisions 15). Otherwise
 * the key was lost, or a dump is being restored, and a new one would make everything unreadable for good.
 */
export async function isFirstStart(store: Store, signal: AbortSignal): Promise<boolean> {
  if ((await store.get(INSTALLATION_RECORD, signal)) !== undefined) return false;
  const [vaults, objects] = await Promise.all([store.list({ kind: 'vault' }, signal), store.list({ kind: 'object' }, signal)]);
  return vaults.length === 0 && objects.length === 0;
}

/**
 * Makes sure that this root key is the installation's, and records it at the first start.
 * @throws KeysteadError RootKeyMismatch: nothing may be written then
 */
export async function joinInstallation(parts: InstallationParts): Promise<Installation> {
  const { store, rootKey, signal } = parts;
  const stored = await store.get(INSTALLATION_RECORD, signal);
  if (stored === undefined) return found(parts);
  const record: Partial<InstallationRecord> = JSON.parse(stored.body.toString('utf8'));
  if (typeof record.rootKeyCheck !== 'string' || !sameDigest(record.rootKeyCheck, await rootKey.checkValue())) throw mismatch();
  const unwrap = (wrapped: string | undefined, context: readonly string[]): Promise<Buffer> =>
    rootKey.unwrap(Buffer.from(wrapped ?? '', 'base64'), context).catch((error: unknown) => {
      throw error instanceof OpenFailed ? mismatch(error) : error;
    });
  const auditKey = await unwrap(record.auditKey, AUDIT_KEY_CONTEXT);
  if (record.identityKey === undefined) return withIdentity(parts, stored, record, auditKey);
  return { auditKey, identity: opened(await unwrap(record.identityKey, IDENTITY_KEY_CONTEXT)) };
}

function opened(identityKey: Buffer): Identity {
  try {
    return identityOf(identityKey);
  } finally {
    identityKey.fill(0);
  }
}

/** Gives a record of an older release its identity key. Of two processes one writes, and the other takes that one's. */
async function withIdentity(parts: InstallationParts, stored: StoredRecord, record: Partial<InstallationRecord>, auditKey: Buffer): Promise<Installation> {
  const key = newIdentityKey();
  const wrapped = (await parts.rootKey.wrap(key, IDENTITY_KEY_CONTEXT)).toString('base64');
  const identity = opened(key);
  return write(parts, { ...record, identityKey: wrapped }, stored.revision, { auditKey, identity });
}

/** Writes the record. If vaults are there already, as after a restore without it, their keys must open first. */
async function found(parts: InstallationParts): Promise<Installation> {
  const { store, rootKey, random, now, signal } = parts;
  await requireOpening(store, rootKey, signal);
  const auditKey = random.bytes(KEY_BYTES);
  const identityKey = newIdentityKey();
  const record: InstallationRecord = {
    format: 1,
    rootKeyCheck: await rootKey.checkValue(),
    rootKey: rootKey.id,
    created: now.toISOString(),
    auditKey: (await rootKey.wrap(auditKey, AUDIT_KEY_CONTEXT)).toString('base64'),
    identityKey: (await rootKey.wrap(identityKey, IDENTITY_KEY_CONTEXT)).toString('base64'),
  };
  return write(parts, record, undefined, { auditKey, identity: opened(identityKey) });
}

async function write(parts: InstallationParts, record: Partial<InstallationRecord>, revision: string | undefined, made: Installation): Promise<Installation> {
  const { store, failAt, signal } = parts;
  try {
    const toWrite = { name: INSTALLATION_RECORD, kind: 'installation', vaultId: undefined, body: Buffer.from(JSON.stringify(record)) } as const;
    await between(failAt, 'installation', () => store.compareAndSwap(toWrite, revision, signal));
    return made;
  } catch (error) {
    if (error instanceof RevisionConflict) return joinInstallation(parts);
    throw error;
  }
}

async function requireOpening(store: Store, rootKey: RootKey, signal: AbortSignal): Promise<void> {
  const vaults = await store.list({ kind: 'vault' }, signal);
  for (const { name, body } of vaults.slice(0, 1)) {
    const head = parseHead(name, parseDocument(name, body), isVaultHead);
    const key = currentKey(head);
    try {
      (await rootKey.unwrap(Buffer.from(key.wrapped, 'base64'), vaultKeyContext(head.vaultId, key.id))).fill(0);
    } catch (error) {
      if (error instanceof OpenFailed) throw mismatch(error);
      throw error;
    }
  }
}

function mismatch(cause?: unknown): KeysteadError {
  return new KeysteadError(
    'RootKeyMismatch',
    'The root key is not the one that this installation was made under, so nothing is read or written. ' +
      'Put the right key back into the Secret of the root key.',
    'wait',
    { cause },
  );
}
