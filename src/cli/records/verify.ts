import { KeysteadError } from '../../api/error.ts';
import { auditKeys } from '../../audit/chain.ts';
import { decodeCheckpoints } from '../../audit/checkpoint-record.ts';
import { sha256 } from '../../crypto/envelope.ts';
import type { RecordKind, StoredRecord } from '../../store/store.ts';
import { parseDocument, parseHead } from '../../vault/codec.ts';
import { INSTALLATION_RECORD, archiveRecordName, objectRecordName, vaultRecordName } from '../../vault/names.ts';
import { isObjectHead, stateOf, type ObjectHead, type ObjectKind } from '../../vault/object-record.ts';
import { isVaultHead, type VaultHead } from '../../vault/vault-record.ts';
import type { OfflineEngine } from './offline-engine.ts';

/**
 * `ok`: opens, every version of it. `tampered`: not as Keystead wrote it. `missing`: something that it needs is not in the
 * dump. `unlisted`: an archive that no record lists, left by a write that was cut off; harmless, and removed in time.
 */
export type Verdict = 'ok' | 'tampered' | 'missing' | 'unlisted';

export interface Finding {
  readonly verdict: Verdict;
  readonly kind: RecordKind;
  readonly record: string;
  /** What it is, or what is wrong with it. Never a value. */
  readonly says: string;
}

const objectKinds: readonly ObjectKind[] = ['secret', 'certificate'];

/** Checks every record of a dump: authentication codes, hashes, and that every version opens. In the order of the dump. */
export async function verifyRecords(records: readonly StoredRecord[], engine: OfflineEngine): Promise<readonly Finding[]> {
  const byName = new Map(records.map((record) => [record.name, record]));
  const listed = new Set<string>();
  const findings: Finding[] = [];
  for (const record of records.filter(({ kind }) => kind !== 'archive')) {
    findings.push(...(await findingsOf(record, byName, listed, engine)));
  }
  for (const record of records.filter(({ kind }) => kind === 'archive')) findings.push(archiveFinding(record, listed));
  if (!byName.has(INSTALLATION_RECORD)) {
    findings.push({ verdict: 'missing', kind: 'installation', record: INSTALLATION_RECORD, says: 'the record of the installation is not in the dump' });
  }
  return findings;
}

async function findingsOf(record: StoredRecord, byName: ReadonlyMap<string, StoredRecord>, listed: Set<string>, engine: OfflineEngine): Promise<readonly Finding[]> {
  const finding = (verdict: Verdict, says: string): Finding => ({ verdict, kind: record.kind, record: record.name, says });
  try {
    switch (record.kind) {
      case 'vault':
        return [finding('ok', await checkVault(record, engine))];
      case 'object':
        return await checkObject(record, byName, listed, engine, finding);
      case 'checkpoint': {
        const writers = decodeCheckpoints(auditKeys(engine.auditKey), record.body);
        return [writers === undefined ? finding('tampered', 'it does not carry the right authentication code') : finding('ok', counted(writers.length, 'writer'))];
      }
      default:
        // The root key was held against it when the dump was opened.
        return [finding('ok', 'the root key is the one of this installation')];
    }
  } catch (error) {
    if (!(error instanceof KeysteadError)) throw error;
    return [finding('tampered', error.message)];
  }
}

async function checkVault(record: StoredRecord, engine: OfflineEngine): Promise<string> {
  const head = parseHead<VaultHead>(record.name, parseDocument(record.name, record.body), isVaultHead);
  if (vaultRecordName(head.namespace, head.name) !== record.name) throw otherName(record.name);
  const vault = await engine.vaults.find(head.namespace, head.name);
  return `vault ${head.namespace}/${head.name}, ${counted(head.keys.length, 'key')}${vault?.deleted === undefined ? '' : ', deleted'}`;
}

async function checkObject(
  record: StoredRecord,
  byName: ReadonlyMap<string, StoredRecord>,
  listed: Set<string>,
  engine: OfflineEngine,
  finding: (verdict: Verdict, says: string) => Finding,
): Promise<readonly Finding[]> {
  const { vaultId, name } = parseHead<ObjectHead>(record.name, parseDocument(record.name, record.body), isObjectHead);
  const vault = await engine.vaults.byId(vaultId);
  if (vault === undefined) return [finding('missing', `its vault ${vaultId.slice(0, 32)} is not in the dump, and with it its keys`)];
  if (objectRecordName(vaultId, name) !== record.name) throw otherName(record.name);
  const head = await engine.objects.get(vault, name);
  if (head === undefined) throw otherName(record.name);
  head.archives.forEach((archive) => listed.add(archive.name));
  const gone = head.archives.filter((archive) => !byName.has(archive.name));
  const lost = new Set(gone.flatMap((archive) => archive.versions));
  const versions = await openAll(vault, head, lost, engine);
  const place = `${vault.namespace}/${vault.name} ${head.name}`;
  const archives = head.archives.length === 0 ? '' : ` in ${counted(head.archives.length, 'archive')} and here`;
  if (gone.length === 0) return [finding('ok', `${place}, ${counted(versions, 'version')}${archives}`)];
  return gone.map((archive) => finding('missing', `${place}: archive ${archive.name} with ${counted(archive.versions.length, 'version')} is not in the dump`));
}

/** Opens every version that is not lost, and forgets it at once. Answers how many. @throws KeysteadError RecordTampered */
async function openAll(vault: VaultHead, head: ObjectHead, lost: ReadonlySet<string>, engine: OfflineEngine): Promise<number> {
  let opened = 0;
  for (const kind of objectKinds) {
    for (const { id } of stateOf(head, kind)?.versions ?? []) {
      if (lost.has(id)) continue;
      const fields = await engine.objects.open(vault, head.name, kind, id, kind === 'secret' ? 'SecretGet' : 'CertificateGet', engine.caller);
      fields.forEach((field) => field.fill(0));
      opened += 1;
    }
  }
  return opened;
}

function archiveFinding(record: StoredRecord, listed: ReadonlySet<string>): Finding {
  const finding = (verdict: Verdict, says: string): Finding => ({ verdict, kind: 'archive', record: record.name, says });
  if (archiveRecordName(sha256(record.body)) !== record.name) return finding('tampered', 'its content is not the one that its name tells of');
  return listed.has(record.name) ? finding('ok', 'older versions') : finding('unlisted', 'no record lists it; the operator removes it in time');
}

function otherName(record: string): KeysteadError {
  return new KeysteadError('RecordTampered', `Record ${record} lies under another name than its content gives: it was moved or copied.`, 'wait');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
