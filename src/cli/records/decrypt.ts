import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeysteadError } from '../../api/error.ts';
import { stateOf, type ObjectHead, type ObjectKind, type VersionHead } from '../../vault/object-record.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import { UsageError } from '../args.ts';
import type { OfflineEngine } from './offline-engine.ts';

/** Which value a person asks for. */
export interface Wanted {
  readonly namespace: string;
  readonly vault: string;
  readonly object: string;
  /** Default: the current version. */
  readonly version: string | undefined;
  /** Default: the only one that there is. */
  readonly field: string | undefined;
}

const objectKinds: readonly ObjectKind[] = ['secret', 'certificate'];

/** One value, as it was put in. @throws UsageError when there is no such thing; KeysteadError RecordTampered */
export async function decryptOne(wanted: Wanted, engine: OfflineEngine): Promise<Buffer> {
  const place = `${wanted.namespace}/${wanted.vault}`;
  const vault = await engine.vaults.find(wanted.namespace, wanted.vault);
  if (vault === undefined) throw new UsageError(`The dump has no vault ${place}. It has ${inWords([...engine.vaults.heads()].map((head) => `${head.namespace}/${head.name}`))}.`);
  const head = await engine.objects.get(vault, wanted.object);
  if (head === undefined) throw new UsageError(`Vault ${place} has no object ${wanted.object} in this dump. "records verify" lists all that there are.`);
  const { kind, version } = versionOf(head, wanted);
  const fields = await readVersion(vault, head, kind, version.id, engine);
  if (wanted.field === undefined && fields.size > 1) throw new UsageError(`${wanted.object} has several fields: name one by --field. They are ${inWords([...fields.keys()])}.`);
  const value = wanted.field === undefined ? fields.values().next().value : fields.get(wanted.field);
  if (value === undefined) throw new UsageError(`${wanted.object} has no field ${wanted.field ?? ''}. It has ${inWords([...fields.keys()])}.`);
  return value;
}

interface KindVersion {
  readonly kind: ObjectKind;
  readonly version: VersionHead;
}

function versionsOf(head: ObjectHead): readonly KindVersion[] {
  return objectKinds.flatMap((kind) => (stateOf(head, kind)?.versions ?? []).map((version) => ({ kind, version })));
}

function versionOf(head: ObjectHead, { object, version: id }: Wanted): KindVersion {
  const all = versionsOf(head);
  const found = id === undefined ? all[0] : all.find(({ version }) => version.id === id);
  if (found === undefined) throw new UsageError(`${object} has no version ${id ?? ''}. It has ${inWords(all.map(({ version }) => version.id))}.`);
  return found;
}

/** What is public of a version, and what is secret, by field. */
async function readVersion(vault: VaultHead, head: ObjectHead, kind: ObjectKind, id: string, engine: OfflineEngine): Promise<Map<string, Buffer>> {
  const open = await engine.objects.publicPart(vault, head.name, kind, id);
  const sealed = await engine.objects.open(vault, head.name, kind, id, kind === 'secret' ? 'SecretGet' : 'CertificateGet', engine.caller);
  return new Map([...Object.entries(open ?? {}).map(([field, text]) => [field, Buffer.from(text)] as const), ...sealed]);
}

/** What became of `decryptAll`. */
export interface Written {
  readonly versions: number;
  /** Versions and objects that could not be opened, and why. */
  readonly failed: readonly string[];
}

/**
 * Writes every value of every version under `directory`, as <namespace>/<vault>/<object>/<version>/<field>, for its owner
 * alone. The directory must not exist, so nothing is overwritten. What does not open is passed over and answered.
 */
export async function decryptAll(directory: string, engine: OfflineEngine): Promise<Written> {
  makeFolder(directory);
  const failed = [...engine.vaults.problems(), ...engine.objects.problems()].map(({ message }) => message);
  let versions = 0;
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof KeysteadError)) throw error;
      failed.push(error.message);
    }
  };
  for (const listed of engine.vaults.heads()) {
    // Names come from unverified heads, where copies may repeat them; what is found under a name is verified.
    for (const name of new Set([...engine.objects.headsOf(listed.vaultId)].map((head) => head.name))) {
      await attempt(async () => {
        const { vault, head } = await findObject(listed, name, engine);
        const folder = join(directory, part(vault.namespace), part(vault.name), part(head.name));
        for (const { kind, version } of versionsOf(head)) {
          await attempt(async () => {
            writeVersion(join(folder, version.id), await readVersion(vault, head, kind, version.id, engine));
            versions += 1;
          });
        }
      });
    }
  }
  return { versions, failed };
}

async function findObject(listed: VaultHead, name: string, engine: OfflineEngine): Promise<{ readonly vault: VaultHead; readonly head: ObjectHead }> {
  const vault = await engine.vaults.find(listed.namespace, listed.name);
  const head = vault === undefined ? undefined : await engine.objects.get(vault, name);
  if (vault?.vaultId !== listed.vaultId || head === undefined) {
    throw new KeysteadError('RecordTampered', `An object of vault ${part(listed.namespace)}/${part(listed.name)} lies under another name than its content gives.`, 'wait');
  }
  return { vault, head };
}

function writeVersion(folder: string, fields: ReadonlyMap<string, Buffer>): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [field, value] of fields) {
    writeFileSync(join(folder, part(field)), value, { mode: 0o600, flag: 'wx' });
    value.fill(0);
  }
}

function makeFolder(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    throw new UsageError(`${directory} cannot be made. Name a folder that does not exist yet, in one that does.`, { cause: error });
  }
}

/** A name as one part of a path. Unverified heads are anybody's words: none of them leads out of the folder. */
function part(name: string): string {
  return name === '.' || name === '..' || /[/\\\0]/.test(name) || name === '' ? `_${Buffer.from(name).toString('hex')}` : name;
}

function inWords(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
