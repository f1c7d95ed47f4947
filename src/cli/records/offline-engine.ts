import { KeysteadError } from '../../api/error.ts';
import { startAudit, type Audit } from '../../audit/audit.ts';
import type { AuditSink } from '../../audit/sink.ts';
import { localRootKey } from '../../crypto/root-key.ts';
import { silentLog } from '../../runtime/log.ts';
import { MemoryStore } from '../../store/memory.ts';
import type { StoredRecord } from '../../store/store.ts';
import type { Caller, EngineParts } from '../../vault/context.ts';
import { joinInstallation } from '../../vault/installation.ts';
import { Keyring } from '../../vault/keyring.ts';
import { Objects } from '../../vault/objects.ts';
import { Vaults } from '../../vault/vaults.ts';
import type { Io } from '../io.ts';

/** The engine that the operator runs, on records in memory: what opens here opens there, and nothing else does. */
export interface OfflineEngine {
  readonly vaults: Vaults;
  readonly objects: Objects;
  readonly auditKey: Buffer;
  readonly caller: Caller;
  close(): Promise<void>;
}

const NO_FAILURE = (): void => {};

/** Whoever holds a dump and the root key reads it with or without us: there is no audit log to keep here. */
const nowhere: AuditSink = { name: 'nowhere', append: async () => {}, close: async () => {} };

/** Opens records with a root key. @throws KeysteadError RootKeyMismatch */
export async function openOffline(records: readonly StoredRecord[], rootSecret: Buffer, io: Io): Promise<OfflineEngine> {
  const { clock, random, stop: signal } = io;
  const store = new MemoryStore();
  for (const record of records) await put(store, record);
  const rootKey = localRootKey(rootSecret, random);
  const { auditKey } = await joinInstallation({ store, rootKey, random, failAt: NO_FAILURE, now: clock.now(), signal });
  const audit: Audit = await startAudit({ sink: nowhere, key: auditKey, writer: 'records', store: new MemoryStore(), clock, log: silentLog, failAt: NO_FAILURE, signal });
  const keyring = new Keyring(rootKey, clock);
  const parts: EngineParts = { store, keyring, auditor: audit.auditor, clock, random, log: silentLog, failAt: NO_FAILURE };
  const vaults = new Vaults({ parts, rootKey, changed: () => {} });
  const objects = new Objects({ parts, isOpen: (id) => vaults.isOpen(id), changed: () => {} });
  const watching = new AbortController();
  await vaults.start(watching.signal);
  await objects.start(watching.signal);
  return {
    vaults,
    objects,
    auditKey,
    caller: { signal, actor: { kind: 'user', username: 'records' } },
    async close() {
      watching.abort();
      keyring.clear();
      await audit.close();
    },
  };
}

async function put(store: MemoryStore, record: StoredRecord): Promise<void> {
  if ((await store.get(record.name)) !== undefined) {
    throw new KeysteadError('Conflict', `The dump holds record ${record.name} twice. Make it anew, from one namespace and one moment.`, 'stalled');
  }
  await store.compareAndSwap(record, undefined);
}
