import type { Auditor } from '../../src/audit/auditor.ts';
import { localRootKey } from '../../src/crypto/root-key.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import type { FailAt } from '../../src/runtime/fail-point.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { systemRandom } from '../../src/runtime/random.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { newVersionId } from '../../src/vault/blobs.ts';
import type { Caller, EngineParts } from '../../src/vault/context.ts';
import { Keyring } from '../../src/vault/keyring.ts';
import type { Change } from '../../src/vault/object-change.ts';
import type { ObjectHead } from '../../src/vault/object-record.ts';
import { Objects } from '../../src/vault/objects.ts';
import type { VaultHead } from '../../src/vault/vault-record.ts';
import { Vaults } from '../../src/vault/vaults.ts';
import { FakeClock } from './fake-clock.ts';

/** What the engine told the auditor, in order. */
export interface Told {
  readonly phase: 'intent' | 'outcome' | 'read';
  readonly operation: string;
  readonly object?: string;
}

/** An auditor that accepts everything and remembers what it was told. */
export function listeningAuditor(told: Told[]): Auditor {
  const of = (entry: { operation: string; object?: { name: string } }) => ({ operation: entry.operation, ...(entry.object === undefined ? {} : { object: entry.object.name }) });
  return {
    async read(entry: Parameters<Auditor['read']>[0]) {
      told.push({ phase: 'read', ...of(entry) });
    },
    async change<T>(entry: Parameters<Auditor['read']>[0], run: () => Promise<T>): Promise<T> {
      told.push({ phase: 'intent', ...of(entry) });
      const outcome = await run();
      told.push({ phase: 'outcome', ...of(entry) });
      return outcome;
    },
  } as unknown as Auditor;
}

export const caller: Caller = { signal: new AbortController().signal, actor: { kind: 'controller', username: 'test' } };

export interface TestEngine {
  readonly store: Store;
  readonly vaults: Vaults;
  readonly objects: Objects;
  readonly told: Told[];
  readonly clock: Clock;
  stop(): void;
}

/** One process: an engine on a store, started. Several on one store and root key are replicas. */
export async function startEngine(options: { store?: Store; rootSecret?: Buffer; clock?: Clock; failAt?: FailAt } = {}): Promise<TestEngine> {
  const clock = options.clock ?? new FakeClock();
  const store = options.store ?? new MemoryStore();
  const rootKey = localRootKey(options.rootSecret ?? Buffer.alloc(32, 7), systemRandom);
  const told: Told[] = [];
  const parts: EngineParts = {
    store,
    keyring: new Keyring(rootKey, clock),
    auditor: listeningAuditor(told),
    clock,
    random: systemRandom,
    log: silentLog,
    failAt: options.failAt ?? (() => {}),
  };
  const vaults = new Vaults({ parts, rootKey, changed: () => {} });
  const objects = new Objects({ parts, isOpen: (id) => vaults.isOpen(id), changed: () => {} });
  const stop = new AbortController();
  await vaults.start(stop.signal);
  await objects.start(stop.signal);
  return { store, vaults, objects, told, clock, stop: () => stop.abort() };
}

/** A vault with room for everything unless a test says otherwise. */
export function createVault(engine: TestEngine, name = 'team', more: Partial<VaultHead['limits']> = {}): Promise<VaultHead> {
  return engine.vaults.create(
    {
      namespace: 'ns',
      name,
      namespaceUid: 'ns-uid',
      resourceUid: `uid-${name}`,
      retentionDays: 90,
      purgeProtection: false,
      limits: { objects: 1000, versionsPerObject: 100, bytes: 16 * 1024 ** 2, ...more },
    },
    caller,
  );
}

/** Sets a secret: makes the object if there is none, and gives it a new version. */
export async function setSecret(engine: TestEngine, vault: VaultHead, name: string, value: string | Buffer): Promise<ObjectHead> {
  const created = engine.clock.now().toISOString();
  const head = await engine.objects.change(vault, name, caller, (before): Change => ({
    operation: 'SecretSet',
    kind: 'secret',
    head: before ?? {
      vaultId: vault.vaultId,
      name,
      incarnation: systemRandom.bytes(8).toString('hex'),
      counter: 0,
      archives: [],
      secret: { created, updated: created, attributes: { enabled: true }, tags: {}, versions: [] },
    },
    add: { kind: 'secret', id: newVersionId(systemRandom), created, public: {}, fields: new Map([['value', Buffer.from(value)]]) },
  }));
  if (head === undefined) throw new Error('nothing was written');
  return head;
}

/** The value of a version of a secret; the current one unless another is named. */
export async function valueOf(engine: TestEngine, vault: VaultHead, name: string, version?: string): Promise<string | undefined> {
  const head = await engine.objects.get(vault, name);
  const id = version ?? head?.secret?.versions[0]?.id;
  if (id === undefined) return undefined;
  return (await engine.objects.open(vault, name, 'secret', id, 'SecretGet', caller)).get('value')?.toString();
}
