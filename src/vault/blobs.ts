import { KeysteadError } from '../api/error.ts';
import { rewrap as rewrapFields, sealFields, sha256, type Binding, type VaultKey } from '../crypto/envelope.ts';
import { canonicalName } from '../crypto/canonical.ts';
import type { Random } from '../runtime/random.ts';
import type { CertificateFacts, ObjectHead, ObjectKind, SealedHead, VersionBlob, VersionHead } from './object-record.ts';

/** A version that is about to be written. The engine seals `fields` and overwrites them afterwards. */
export interface NewVersion {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly created: string;
  readonly origin?: string;
  readonly certificate?: CertificateFacts;
  /** Stored in the clear; certificates, for example. */
  readonly public: Readonly<Record<string, string>>;
  readonly fields: ReadonlyMap<string, Buffer>;
}

/** The private key of a certificate that was asked for and is not there yet. */
export interface PendingKey {
  /** Of the version that it will be. */
  readonly id: string;
  readonly csr: string;
  readonly issuerState: Readonly<Record<string, string>>;
  /** PKCS#8 in PEM. The engine seals it and overwrites it afterwards. */
  readonly privateKey: Buffer;
}

/** The public half of a version whose private half was sealed when its operation was opened. */
export interface PublishedVersion {
  readonly created: string;
  readonly origin: string;
  readonly certificate: CertificateFacts;
  readonly public: Readonly<Record<string, string>>;
}

/** Largest value of one version, all fields together (Key Vault: 25 KB). */
export const MOST_VALUE_BYTES = 25 * 1024;

/** 32 hex characters, as Key Vault's version ids. */
export function newVersionId(random: Random): string {
  return random.bytes(16).toString('hex');
}

/** Where a version's ciphertext is bound to. */
export function bindingOf(head: Pick<ObjectHead, 'vaultId' | 'name'>, kind: ObjectKind, version: string): Binding {
  return { vaultId: head.vaultId, kind, name: canonicalName(head.name), version };
}

/** Seals a new version into the text of its blob. @throws KeysteadError LimitExceeded */
export function sealVersion(
  vaultKey: VaultKey,
  head: Pick<ObjectHead, 'vaultId' | 'name'>,
  version: Pick<NewVersion, 'kind' | 'id' | 'fields' | 'public'>,
  random: Random,
): string {
  const bytes = [...version.fields.values()].reduce((sum, field) => sum + field.length, 0);
  if (bytes > MOST_VALUE_BYTES) {
    throw new KeysteadError('LimitExceeded', `The value has ${bytes} bytes; a version holds at most ${MOST_VALUE_BYTES}. Make it smaller.`, 'stalled');
  }
  const sealed = sealFields(vaultKey, bindingOf(head, version.kind, version.id), version.fields, random);
  const blob: VersionBlob = { public: version.public, ...sealed };
  return JSON.stringify(blob);
}

/** The blob as an object. Only text whose hash the verified head names may come here. */
export function parseBlob(text: string): VersionBlob {
  const blob: VersionBlob = JSON.parse(text);
  return blob;
}

/** The same version under another vault key. */
export function rewrapVersion(from: VaultKey, to: VaultKey, at: Binding, text: string, random: Random): string {
  const blob = parseBlob(text);
  const sealed = rewrapFields(from, to, at, { dataKey: blob.dataKey, fields: blob.fields }, random);
  const rewrapped: VersionBlob = { public: blob.public, ...sealed };
  return JSON.stringify(rewrapped);
}

/** The blob with another public part: nothing secret is bound to that, so nothing is opened. */
export function withPublicPart(text: string, shown: VersionBlob['public']): string {
  const blob: VersionBlob = { ...parseBlob(text), public: shown };
  return JSON.stringify(blob);
}

/** What the head says of anything sealed. */
export function sealedHeadOf(id: string, blob: string, vaultKeyId: string): SealedHead {
  return { id, blob: sha256(blob), size: Buffer.byteLength(blob), vaultKey: vaultKeyId };
}

/** What the head says of a version. */
export function headOf(sealed: SealedHead, version: Pick<NewVersion, 'created' | 'origin' | 'certificate'>): VersionHead {
  return {
    ...sealed,
    created: version.created,
    ...(version.origin === undefined ? {} : { origin: version.origin }),
    ...(version.certificate === undefined ? {} : { certificate: version.certificate }),
  };
}
