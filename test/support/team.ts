import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import { apply, createNamespace, kubectl, type Identity } from './control-plane.ts';
import { until } from './operator.ts';

/** A resource as tests read it back. */
export interface Live {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly type?: string;
  readonly immutable?: boolean;
  readonly data?: Record<string, string>;
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown> & { readonly conditions?: readonly LiveCondition[]; readonly observedGeneration?: number };
}

export interface LiveCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** One team's namespace with what tests do in it. */
export class Team {
  readonly on: ControlPlane;
  readonly namespace: string;

  constructor(on: ControlPlane, namespace: string) {
    this.on = on;
    this.namespace = namespace;
  }

  static async create(on: ControlPlane, prefix = 'team', labels: Readonly<Record<string, string>> = {}): Promise<Team> {
    return new Team(on, await createNamespace(prefix, labels, on));
  }

  /** A manifest of one of our kinds in this namespace. */
  manifest(kind: string, name: string, spec: object, metadata: object = {}): object {
    return { apiVersion: 'keystead.dev/v1alpha1', kind, metadata: { name, namespace: this.namespace, ...metadata }, spec };
  }

  secret(name: string, data: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>> = {}): object {
    return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: this.namespace, labels }, stringData: data };
  }

  apply(...manifests: readonly object[]): Promise<string> {
    return apply(manifests, { on: this.on });
  }

  applyAs(as: Identity, ...manifests: readonly object[]): Promise<string> {
    return apply(manifests, { on: this.on, as });
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return kubectl(['-n', this.namespace, ...args], { on: this.on });
  }

  /** Waits until all of these (`vault/app`) are Ready at their latest generation. */
  async ready(...names: readonly string[]): Promise<void> {
    await this.kubectl('wait', '--for=condition=Ready', '--timeout=20s', ...names);
  }

  /** Waits until Ready has this reason at the latest generation; answers the condition. */
  async reason(name: string, reason: string): Promise<LiveCondition> {
    let found: LiveCondition | undefined;
    await until(async () => {
      const live = await this.find(name);
      found = live?.status?.conditions?.find(({ type }) => type === 'Ready');
      return found?.reason === reason && live?.status?.observedGeneration === live?.metadata.generation;
    });
    if (found === undefined) throw new Error('unreachable');
    return found;
  }

  /** Undefined when it is not there. */
  async find(name: string): Promise<Live | undefined> {
    const answer = await this.kubectl('get', name, '--ignore-not-found', '-o', 'json');
    if (answer === '') return undefined;
    const live: Live = JSON.parse(answer);
    return live;
  }

  async get(name: string): Promise<Live> {
    const live = await this.find(name);
    if (live === undefined) throw new Error(`${name} is not there`);
    return live;
  }

  /** The decoded data of a Secret. */
  async data(secret: string): Promise<Record<string, string>> {
    const live = await this.get(`secret/${secret}`);
    return Object.fromEntries(Object.entries(live.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  /** Waits until this holds for the resource, which may not be there yet; answers it. */
  async when(name: string, holds: (live: Live) => boolean): Promise<Live> {
    let live: Live | undefined;
    await until(async () => {
      live = await this.find(name);
      return live !== undefined && holds(live);
    });
    if (live === undefined) throw new Error('unreachable');
    return live;
  }

  async gone(name: string): Promise<void> {
    await until(async () => (await this.find(name)) === undefined);
  }
}
