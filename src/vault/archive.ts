import { sha256 } from '../crypto/envelope.ts';
import { verifyHash } from './codec.ts';
import { archiveRecordName } from './names.ts';
import { allSealed, allVersions, type ArchiveHead, type ObjectHead } from './object-record.ts';

/**
 * Older versions that no longer fit into the record (decisions 11). An archive is immutable and named by its content:
 * written first, then listed in the head; one that no head lists is rubbish.
 */

/** Blobs of versions that stay in the record itself, besides the current ones: at most this many bytes. */
export const MOST_INLINE_BYTES = 32 * 1024;

export interface ArchiveRecord {
  readonly head: ArchiveHead;
  readonly body: Buffer;
}

/** Ids of the versions whose blobs lie in the record itself; one that is pending always does. */
export function inlineVersions(head: ObjectHead): readonly string[] {
  const archived = new Set(head.archives.flatMap((archive) => archive.versions));
  return allSealed(head).flatMap((version) => (archived.has(version.id) ? [] : [version.id]));
}

/** Makes an archive of the given blobs. `at` (RFC 3339) dates it, for the removal of unlisted ones. */
export function makeArchive(head: Pick<ObjectHead, 'vaultId' | 'name'>, blobs: ReadonlyMap<string, string>, at: string): ArchiveRecord {
  const body = Buffer.from(JSON.stringify({ format: 1, vaultId: head.vaultId, name: head.name, created: at, blobs: Object.fromEntries(blobs) }));
  const hash = sha256(body);
  return { head: { name: archiveRecordName(hash), hash, versions: [...blobs.keys()] }, body };
}

/** The blobs of an archive that a verified head lists. @throws KeysteadError RecordTampered */
export function openArchive(recordName: string, listed: ArchiveHead, body: Buffer): ReadonlyMap<string, string> {
  verifyHash(recordName, `archive ${listed.name}`, body, listed.hash);
  const { blobs }: { blobs: Record<string, string> } = JSON.parse(body.toString('utf8'));
  return new Map(Object.entries(blobs));
}

/** When an archive was made, whoever wrote it: only for removing unlisted ones. Undefined if it cannot be read. */
export function archiveCreated(body: Buffer): Date | undefined {
  try {
    const { created }: { created?: unknown } = JSON.parse(body.toString('utf8'));
    const date = typeof created === 'string' ? new Date(created) : undefined;
    return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
  } catch {
    return undefined;
  }
}

/**
 * Which inline versions must move out: the oldest, until the rest fits. The current version of each kind stays whatever
 * its size. `sizes` is in bytes, oldest last.
 */
export function versionsToArchive(head: ObjectHead): readonly string[] {
  const current = new Set([head.secret?.versions[0]?.id, head.certificate?.versions[0]?.id]);
  const inline = new Set(inlineVersions(head));
  const older = allVersions(head)
    .filter((version) => inline.has(version.id) && !current.has(version.id))
    .toSorted((a, b) => b.created.localeCompare(a.created));
  let kept = allVersions(head).reduce((sum, version) => (current.has(version.id) ? sum + version.size : sum), 0);
  return older.flatMap((version) => {
    kept += version.size;
    return kept > MOST_INLINE_BYTES ? [version.id] : [];
  });
}
