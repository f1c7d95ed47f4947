import type { KubeClient } from '../kube/client.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../kube/errors.ts';
import type { Secret } from '../kube/kinds.ts';
import type { ToWrite } from '../kube/object.ts';
import type { Permission } from '../kube/permissions.ts';
import { Reflector } from '../kube/reflector.ts';
import { resources } from '../kube/resource.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { RevisionConflict, type RecordFilter, type RecordKind, type RecordToWrite, type Store, type StoredRecord, type StoreEvent } from './store.ts';

/** Type of every Secret that holds a record; the guard on the operator's namespace matches its prefix (decisions 15, 16). */
export const RECORD_TYPE = 'keystead.dev/record';

const KIND_LABEL = 'keystead.dev/record';
const VAULT_LABEL = 'keystead.dev/vault-id';
const BODY = 'record';

export const storePermissions: readonly Permission[] = [
  { apiGroup: '', resource: 'secrets', verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'], scope: 'operatorNamespace' },
];

export interface KubernetesStoreOptions {
  /** Writes with the leader's right; reads and watches need none. */
  readonly client: KubeClient;
  /** The operator's own namespace. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Records as Kubernetes Secrets in the operator's own namespace; resourceVersion is the revision. */
export class KubernetesStore implements Store {
  readonly #options: KubernetesStoreOptions;

  constructor(options: KubernetesStoreOptions) {
    this.#options = options;
  }

  async get(name: string, signal?: AbortSignal): Promise<StoredRecord | undefined> {
    try {
      return recordOf(await this.#options.client.get(resources.secrets, this.#at(name), optional(signal)));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async list(filter: RecordFilter, signal?: AbortSignal): Promise<StoredRecord[]> {
    const { items } = await this.#options.client.list(resources.secrets, {
      namespace: this.#options.namespace,
      labelSelector: selectorOf(filter),
      ...optional(signal),
    });
    return items.flatMap((secret) => recordOf(secret) ?? []);
  }

  watch(filter: RecordFilter, tell: (event: StoreEvent) => void, signal: AbortSignal): Promise<void> {
    const { namespace, ...common } = this.#options;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      const teller = new Teller(tell, resolve);
      const options = { ...common, selection: { namespace, labelSelector: selectorOf(filter) } };
      const reflector = new Reflector<Secret, undefined>(resources.secrets, teller, options);
      void reflector.run(signal);
    });
  }

  async compareAndSwap(record: RecordToWrite, expected: string | undefined, signal?: AbortSignal): Promise<StoredRecord> {
    const { client } = this.#options;
    try {
      const secret = this.#secretOf(record, expected);
      const write = expected === undefined ? client.create(resources.secrets, secret, optional(signal)) : client.update(resources.secrets, secret, optional(signal));
      // The answer repeats the body: what we have is kept instead of decoding it.
      return { ...record, revision: (await write).metadata.resourceVersion };
    } catch (error) {
      // 404 on an update: removed under the writer.
      if (isAlreadyExists(error) || isConflict(error) || (expected !== undefined && isNotFound(error))) {
        throw new RevisionConflict(`${record.name} is not at ${String(expected)}`, { cause: error });
      }
      throw error;
    }
  }

  async remove(name: string, expected: string, signal?: AbortSignal): Promise<void> {
    try {
      await this.#options.client.delete(resources.secrets, this.#at(name), { resourceVersion: expected, ...optional(signal) });
    } catch (error) {
      if (isNotFound(error)) return;
      if (isConflict(error)) throw new RevisionConflict(`${name} is not at ${expected}`, { cause: error });
      throw error;
    }
  }

  #at(name: string): { namespace: string; name: string } {
    return { namespace: this.#options.namespace, name };
  }

  #secretOf(record: RecordToWrite, expected: string | undefined): ToWrite<Secret> {
    const labels = { [KIND_LABEL]: record.kind, ...(record.vaultId === undefined ? {} : { [VAULT_LABEL]: record.vaultId }) };
    return {
      metadata: { ...this.#at(record.name), labels, ...(expected === undefined ? {} : { resourceVersion: expected }) },
      type: RECORD_TYPE,
      data: { [BODY]: record.body.toString('base64') },
      // Archives are named by their content; the API server itself then refuses to change them.
      ...(record.kind === 'archive' ? { immutable: true } : {}),
    };
  }
}

/** Turns what the reflector learns into events. Keeps names only: the records themselves are the engine's to cache. */
class Teller {
  readonly #tell: (event: StoreEvent) => void;
  readonly #synced: () => void;
  readonly #known = new Map<string, { revision: string; kind: RecordKind; vaultId: string | undefined }>();

  constructor(tell: (event: StoreEvent) => void, synced: () => void) {
    this.#tell = tell;
    this.#synced = synced;
  }

  begin(): undefined {
    return undefined;
  }

  transform(secret: Secret): Secret {
    return secret;
  }

  contact(): void {
    // Whether the watch is fresh is asked by nobody who reads records: every decision ends in a compare-and-swap.
  }

  replace(secrets: readonly Secret[]): void {
    const listed = new Set(secrets.map((secret) => secret.metadata.name));
    for (const name of this.#known.keys()) if (!listed.has(name)) this.#removed(name);
    for (const secret of secrets) this.#put(secret);
    this.#synced();
  }

  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', secret: Secret): void {
    if (type === 'DELETED') this.#removed(secret.metadata.name);
    else this.#put(secret);
  }

  #put(secret: Secret): void {
    const record = recordOf(secret);
    if (record === undefined) return;
    const { name, revision, kind, vaultId } = record;
    if (this.#known.get(name)?.revision === revision) return;
    this.#known.set(name, { revision, kind, vaultId });
    this.#tell({ type: 'put', record });
  }

  #removed(name: string): void {
    const known = this.#known.get(name);
    this.#known.delete(name);
    if (known !== undefined) this.#tell({ type: 'removed', name, kind: known.kind, vaultId: known.vaultId });
  }
}

const kinds: ReadonlySet<string> = new Set<RecordKind>(['installation', 'vault', 'object', 'archive', 'checkpoint']);

function isKind(text: string | undefined): text is RecordKind {
  return text !== undefined && kinds.has(text);
}

/** The record that a Secret holds; undefined for a Secret that is none: another type, or without our label. */
export function recordOf(secret: Secret): StoredRecord | undefined {
  const kind = secret.metadata.labels?.[KIND_LABEL];
  if (secret.type !== RECORD_TYPE || !isKind(kind)) return undefined;
  return {
    name: secret.metadata.name,
    kind,
    vaultId: secret.metadata.labels?.[VAULT_LABEL],
    body: Buffer.from(secret.data?.[BODY] ?? '', 'base64'),
    revision: secret.metadata.resourceVersion,
  };
}

function selectorOf(filter: RecordFilter): string {
  return filter.vaultId === undefined ? `${KIND_LABEL}=${filter.kind}` : `${KIND_LABEL}=${filter.kind},${VAULT_LABEL}=${filter.vaultId}`;
}

function optional(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
