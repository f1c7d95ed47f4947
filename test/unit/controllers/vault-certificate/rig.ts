import { compilePolicy, type CompiledPolicy } from '../../../../src/access/policy.ts';
import { vaultAccess } from '../../../../src/access/vault-access.ts';
import type { VaultIssuerSpecInput } from '../../../../src/api/vault-issuer.ts';
import { Declarations } from '../../../../src/controllers/declarations.ts';
import type { VaultCertificateResource, VaultIssuerResource } from '../../../../src/controllers/resources.ts';
import type { SyncRequest } from '../../../../src/controllers/target/targets.ts';
import { VaultCertificateController } from '../../../../src/controllers/vault-certificate/controller.ts';
import { sourceSecret, type SourceSecret } from '../../../../src/controllers/vault-secret/source.ts';
import { VaultIssuerController } from '../../../../src/controllers/vault-issuer/controller.ts';
import type { World } from '../../../../src/controllers/world.ts';
import { KeyGenerator } from '../../../../src/crypto/keys.ts';
import type { Secret } from '../../../../src/kube/kinds.ts';
import { keyOf, type KubeObject, type ObjectName } from '../../../../src/kube/object.ts';
import { ClockGuard } from '../../../../src/runtime/clock-guard.ts';
import { silentLog } from '../../../../src/runtime/log.ts';
import { systemRandom } from '../../../../src/runtime/random.ts';
import type { CertificateState } from '../../../../src/vault/object-record.ts';
import type { VaultHead } from '../../../../src/vault/vault-record.ts';
import { vaultCertificate, type VaultCertificateParts } from '../../../support/builders/vault-certificate.ts';
import { createVault, startEngine, type TestEngine } from '../../../support/engine.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

/** The content of one Secret, and for which version it was written. */
export interface WrittenTarget {
  readonly version: string;
  readonly inputs: readonly string[];
  readonly data: Readonly<Record<string, string>>;
  /** The further keys, which are no text. */
  readonly outputs: Readonly<Record<string, Buffer>>;
}

/** A cache as controllers see it, filled by hand. */
class Cache<T extends KubeObject> {
  readonly objects = new Map<string, T>();
  readonly resource = { plural: 'test' };

  put(object: T): T {
    this.objects.set(keyOf(object.metadata), object);
    return object;
  }

  get = (key: string): T | undefined => this.objects.get(key);
  list = (): readonly T[] => [...this.objects.values()];

  async write(key: string, run: () => Promise<T>): Promise<T> {
    const written = await run();
    const before = this.objects.get(key);
    if (before !== undefined) this.objects.set(key, { ...before, ...written, metadata: before.metadata });
    return written;
  }
}

/**
 * One operator's certificates and issuers in memory: the real engine and controllers, a clock that is moved by hand, and
 * targets that only remember what was written. In namespace `ns` there is a vault `team`.
 */
export class Rig {
  readonly engine: TestEngine;
  readonly clock: FakeClock;
  readonly vault: VaultHead;
  readonly certificates = new Cache<VaultCertificateResource>();
  readonly issuers = new Cache<VaultIssuerResource>();
  readonly targets = new Map<string, WrittenTarget>();
  /** Secrets as the API server has them, and as the watch of source Secrets has told of them. */
  readonly secrets = new Map<string, Secret>();
  readonly sourceSecrets = new Cache<SourceSecret>();
  readonly events: { readonly type: string; readonly reason: string; readonly note: string }[] = [];
  readonly world: World;
  /** What the API server's clock is off by. */
  serverOffsetMs = 0;
  statusWrites = 0;
  /** The namespaces that an AccessPolicy lists in `syncTo`. */
  syncTo: readonly string[] = [];
  /** What the metrics are told. */
  readonly issues: string[] = [];
  controller: VaultCertificateController;
  readonly issuerController: VaultIssuerController;

  constructor(engine: TestEngine, clock: FakeClock, vault: VaultHead) {
    this.engine = engine;
    this.clock = clock;
    this.vault = vault;
    this.world = this.#world();
    this.controller = new VaultCertificateController(this.world, (issuer, result) => this.issues.push(`${issuer} ${result}`));
    this.issuerController = new VaultIssuerController(this.world);
  }

  static async start(): Promise<Rig> {
    const clock = new FakeClock();
    const engine = await startEngine({ clock });
    return new Rig(engine, clock, await createVault(engine, 'team'));
  }

  /** Another operator on the same records, which thinks that it leads, too. */
  async rival(): Promise<Rig> {
    const rival = new Rig(await startEngine({ clock: this.clock, store: this.engine.store }), this.clock, this.vault);
    for (const [key, issuer] of this.issuers.objects) rival.issuers.objects.set(key, issuer);
    for (const [key, certificate] of this.certificates.objects) rival.certificates.objects.set(key, certificate);
    return rival;
  }

  /** A new process on the same records: nothing that was in memory is left. */
  restart(): void {
    this.controller = new VaultCertificateController(this.world);
  }

  certificate(name: string, spec: VaultCertificateParts['spec'], metadata: VaultCertificateParts['metadata'] = {}): VaultCertificateResource {
    return this.certificates.put(vaultCertificate({ spec: { vaultRef: { name: 'team' }, ...spec }, metadata: { namespace: 'ns', name, uid: `uid-${name}`, ...metadata } }));
  }

  issuer(name: string, spec: VaultIssuerSpecInput, namespace = 'ns'): VaultIssuerResource {
    const metadata = { namespace, name, uid: `uid-issuer-${name}`, resourceVersion: '1', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };
    return this.issuers.put({ apiVersion: 'keystead.dev/v1alpha1', kind: 'VaultIssuer', metadata, spec });
  }

  /** A Secret of namespace `ns` that the watch has told of. */
  source(name: string, data: Readonly<Record<string, string | Buffer>>, labels?: Readonly<Record<string, string>>): void {
    this.sourceSecrets.put(sourceSecret(this.secret(name, data, labels)));
  }

  /** The same without the watch having told. */
  secret(name: string, data: Readonly<Record<string, string | Buffer>>, labels: Readonly<Record<string, string>> = { 'keystead.dev/source': 'team' }): Secret {
    const metadata = { namespace: 'ns', name, uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', labels };
    const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
    const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata, data: encoded };
    this.secrets.set(`ns/${name}`, secret);
    return secret;
  }

  /** Milliseconds until it wants to be called again. */
  async reconcile(name: string, namespace = 'ns'): Promise<number | undefined> {
    const signal = new AbortController().signal;
    return (await this.controller.reconcile(`${namespace}/${name}`, { signal, log: silentLog, failures: 0 })).requeueAfterMs;
  }

  async reconcileIssuer(name: string): Promise<number | undefined> {
    const signal = new AbortController().signal;
    return (await this.issuerController.reconcile(`ns/${name}`, { signal, log: silentLog, failures: 0 })).requeueAfterMs;
  }

  /** The Ready condition, as `True Ready`. */
  ready(name: string): string {
    const ready = this.certificates.get(`ns/${name}`)?.status?.conditions?.find(({ type }) => type === 'Ready');
    return ready === undefined ? 'none' : `${ready.status} ${ready.reason}`;
  }

  async state(name: string): Promise<CertificateState> {
    const state = (await this.engine.objects.get(this.vault, name))?.certificate;
    if (state === undefined) throw new Error(`there is no certificate ${name}`);
    return state;
  }

  target(name: string): WrittenTarget {
    const target = this.targets.get(`ns/${name}`);
    if (target === undefined) throw new Error(`there is no target ${name}`);
    return target;
  }

  #world(): World {
    const { engine, clock } = this;
    const there = { kind: 'Vault', apiVersion: '', metadata: { namespace: 'ns', name: 'team', uid: this.vault.resourceUid } };
    const namespaces = { get: (name: string) => ({ metadata: { name, labels: { team: name } } }) };
    const world: Partial<Record<keyof World, unknown>> = {
      informers: { vaults: { get: (key: string) => (key === 'ns/team' ? there : undefined) }, vaultCertificates: this.certificates, vaultIssuers: this.issuers, sourceSecrets: this.sourceSecrets, namespaces },
      client: {
        get: async (_resource: unknown, name: ObjectName) => this.secrets.get(keyOf(name)),
        updateStatus: async (_resource: unknown, object: KubeObject) => {
          this.statusWrites += 1;
          return object;
        },
      },
      vaults: engine.vaults,
      objects: engine.objects,
      declarations: new Declarations(),
      policies: { of: () => vaultAccess(this.syncTo.map(allowSync).filter((policy) => policy !== undefined)) },
      targets: { sync: (request: SyncRequest) => this.#sync(request), remove: async ({ recorded }: { recorded: { namespace: string; name: string } }) => this.targets.delete(keyOf(recorded)) },
      keys: new KeyGenerator(),
      events: { record: (event: Rig['events'][number]) => this.events.push(event) },
      clock,
      clockGuard: new ClockGuard(clock, () => ({ date: new Date(clock.now().getTime() + this.serverOffsetMs), atMonotonic: clock.monotonic() })),
      random: systemRandom,
      log: silentLog,
      failAt: () => {},
    };
    return world as unknown as World;
  }

  async #sync(request: SyncRequest): Promise<unknown> {
    const key = keyOf(request.target);
    const { version, publicInputs = [] } = request;
    const before = this.targets.get(key);
    const state = { namespace: request.target.namespace, name: request.target.name, creationPolicy: 'Owner', deletionPolicy: 'Delete' };
    if (before?.version === version.id && before.inputs.join() === publicInputs.join()) return { action: 'none', target: key, state, recordIsBehind: false };
    const fields = await request.open();
    const outputs = Object.fromEntries((await request.outputs?.(fields)) ?? []);
    this.targets.set(key, { version: version.id, inputs: publicInputs, data: Object.fromEntries([...fields].map(([field, value]) => [field, value.toString()])), outputs });
    return { action: 'updated', target: key, state, recordIsBehind: false };
  }
}

function allowSync(namespace: string): CompiledPolicy | undefined {
  const metadata = { namespace: 'ns', name: `sync-to-${namespace}`, uid: 'uid-policy', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  return compilePolicy({ apiVersion: 'keystead.dev/v1alpha1', kind: 'AccessPolicy', metadata, spec: { vaultRef: { name: 'team' }, syncTo: [namespace] } });
}
