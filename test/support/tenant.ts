import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { resources, type Resource } from '../../src/kube/resource.ts';
import { parseDocument, type RecordDocument } from '../../src/vault/codec.ts';
import { objectRecordName, vaultRecordName } from '../../src/vault/names.ts';
import type { ObjectHead } from '../../src/vault/object-record.ts';
import type { VaultHead } from '../../src/vault/vault-record.ts';
import { adminClient } from './admin.ts';
import { createNamespace } from './control-plane.ts';
import { OPERATOR_NAMESPACE, until } from './operator.ts';
import type { Live, LiveCondition } from './team.ts';

/** Kind and name, as in `VaultSecret/db`. */
export type Ref = `${string}/${string}`;

/**
 * A namespace with what is done in it, by a client of our own: for tests of many steps, where a kubectl a step is too
 * slow. Also reads records as they lie in the store, which is where it is seen how often something was made.
 */
export class Tenant {
  readonly on: ControlPlane;
  readonly namespace: string;
  readonly client: KubeClient;

  constructor(on: ControlPlane, namespace: string, client: KubeClient) {
    this.on = on;
    this.namespace = namespace;
    this.client = client;
  }

  static async create(on: ControlPlane, prefix = 'tenant', labels: Readonly<Record<string, string>> = {}): Promise<Tenant> {
    return new Tenant(on, await createNamespace(prefix, labels, on), await adminClient(on));
  }

  /** Server-side apply, as the administrator. */
  async apply(ref: Ref, content: Readonly<Record<string, unknown>>, metadata: object = {}): Promise<Live> {
    const { resource, at } = this.#at(ref);
    const object = { metadata: { ...at, ...metadata }, ...content };
    return (await this.client.apply(resource, object, { fieldManager: 'test', force: true })) as unknown as Live;
  }

  /** Applies a resource of ours by its spec. */
  async declare(ref: Ref, spec: object, metadata: object = {}): Promise<Live> {
    return this.apply(ref, { spec }, metadata);
  }

  async annotate(ref: Ref, annotations: Readonly<Record<string, string | null>>): Promise<void> {
    const { resource, at } = this.#at(ref);
    await this.client.mergePatch(resource, at, { metadata: { annotations } });
  }

  async remove(ref: Ref): Promise<void> {
    const { resource, at } = this.#at(ref);
    await this.client.delete(resource, at, { propagationPolicy: 'Background' });
  }

  /** Undefined when it is not there. */
  async find(ref: Ref): Promise<Live | undefined> {
    const { resource, at } = this.#at(ref);
    return orNone(async () => (await this.client.get(resource, at)) as unknown as Live);
  }

  /** Waits until it is there and this holds. */
  async when(ref: Ref, holds: (live: Live) => boolean = () => true, withinMs = 30_000): Promise<Live> {
    let live: Live | undefined;
    await until(async () => {
      live = await this.find(ref);
      return live !== undefined && holds(live);
    }, withinMs).catch((error: unknown) => {
      throw new Error(`${ref}: ${JSON.stringify(live?.status ?? live)}`, { cause: error });
    });
    if (live === undefined) throw new Error('unreachable');
    return live;
  }

  /** Waits until each is Ready at its latest generation. */
  async ready(...refs: readonly Ref[]): Promise<void> {
    for (const ref of refs) await this.when(ref, isReady);
  }

  /** Waits until Ready has this reason at the latest generation; answers the condition. */
  async reason(ref: Ref, reason: string): Promise<LiveCondition> {
    const live = await this.when(ref, (one) => conditionOf(one, 'Ready')?.reason === reason && isObserved(one));
    const condition = conditionOf(live, 'Ready');
    if (condition === undefined) throw new Error('unreachable');
    return condition;
  }

  async gone(ref: Ref): Promise<void> {
    await until(async () => (await this.find(ref)) === undefined);
  }

  /** The decoded data of a Secret; undefined when it is not there. */
  async data(secret: string): Promise<Readonly<Record<string, string>> | undefined> {
    const live = await this.find(`Secret/${secret}`);
    return live === undefined ? undefined : decoded(live);
  }

  /** The head of the vault's record, as it lies in the store. */
  async vaultHead(vault = 'app'): Promise<VaultHead | undefined> {
    return this.#head<VaultHead>(vaultRecordName(this.namespace, vault));
  }

  /** The head of an object's record, as it lies in the store. */
  async objectHead(object: string, vault = 'app'): Promise<ObjectHead | undefined> {
    const head = await this.vaultHead(vault);
    return head === undefined ? undefined : this.#head<ObjectHead>(objectRecordName(head.vaultId, object));
  }

  /** The name of an object's record. */
  async recordName(object: string, vault = 'app'): Promise<string> {
    return objectRecordName((await this.vaultHead(vault))?.vaultId ?? '', object);
  }

  /** How many versions of an object were ever made and are kept. */
  async versions(object: string, vault = 'app'): Promise<number> {
    const head = await this.objectHead(object, vault);
    return (head?.secret?.versions ?? head?.certificate?.versions ?? []).length;
  }

  /** The chain of a certificate's current version in PEM, from its record, where it stands in the clear. */
  async certificatePem(object: string, vault = 'app'): Promise<string> {
    const head = await this.vaultHead(vault);
    const document = head === undefined ? undefined : await this.#document(objectRecordName(head.vaultId, object));
    const id = (await this.objectHead(object, vault))?.certificate?.versions[0]?.id ?? '';
    const blob: { readonly public?: Readonly<Record<string, string>> } = JSON.parse(document?.blobs?.[id] ?? '{}');
    return blob.public?.['certificate'] ?? '';
  }

  async #head<Head>(record: string): Promise<Head | undefined> {
    const document = await this.#document(record);
    return document === undefined ? undefined : (JSON.parse(document.head) as Head);
  }

  async #document(record: string): Promise<RecordDocument | undefined> {
    const secret = await orNone(() => this.client.get(resources.secrets, { namespace: OPERATOR_NAMESPACE, name: record }));
    return secret === undefined ? undefined : parseDocument(record, Buffer.from(secret.data?.['record'] ?? '', 'base64'));
  }

  #at(ref: Ref): { readonly resource: Resource; readonly at: { readonly namespace?: string; readonly name: string } } {
    const [kind = '', name = ''] = ref.split('/');
    const resource = Object.values(resources).find((one) => one.kind === kind);
    if (resource === undefined) throw new Error(`unknown kind ${kind}`);
    return { resource, at: resource.namespaced ? { namespace: this.namespace, name } : { name } };
  }
}

export function conditionOf(live: Live | undefined, type: string): LiveCondition | undefined {
  return live?.status?.conditions?.find((condition) => condition.type === type);
}

export function isObserved(live: Live): boolean {
  return live.status?.observedGeneration === live.metadata.generation;
}

export function isReady(live: Live): boolean {
  return isObserved(live) && conditionOf(live, 'Ready')?.status === 'True';
}

export function decoded(secret: Live): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

async function orNone<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
