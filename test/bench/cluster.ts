import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startControlPlane, type ControlPlane } from '../../src/cli/dev/control-plane.ts';
import { resources, type Resource } from '../../src/kube/resource.ts';
import { systemClock, sleep } from '../../src/runtime/clock.ts';
import { installation, defaultInstallation } from '../../src/operator/manifests.ts';
import { devHost } from '../support/dev-host.ts';
import { Api } from './api.ts';
import { OperatorProcess } from './operator-process.ts';
import { cpuOf, findProcess } from './processes.ts';
import { between, parseRequests, type Requests } from './requests.ts';

/** Seconds of CPU time, by process. */
export interface Cpu {
  readonly operator: number;
  readonly apiServer: number;
  readonly etcd: number;
}

export interface ClusterOptions {
  /** The compiled program, as the image runs it. */
  readonly program: string;
  /** Further flags of the Node that runs it. */
  readonly nodeFlags: readonly string[];
}

/** A fresh control plane without an audit log, with everything that the chart installs but the Deployment. */
export class Cluster {
  readonly api: Api;
  /** With the operator's own token: bare writes must pass the same guards. */
  readonly asOperator: Api;
  readonly #plane: ControlPlane;
  readonly #options: ClusterOptions;
  readonly #pids: { readonly apiServer: number; readonly etcd: number };
  #operator: OperatorProcess | undefined;

  private constructor(plane: ControlPlane, api: Api, asOperator: Api, options: ClusterOptions) {
    this.#plane = plane;
    this.api = api;
    this.asOperator = asOperator;
    this.#options = options;
    this.#pids = { apiServer: findProcess('kube-apiserver', plane.directory), etcd: findProcess('etcd', plane.directory) };
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const plane = await startControlPlane({ host: devHost(), audit: 'off' });
    const api = await Api.open(plane.adminKubeconfig);
    await install(api);
    const kubeconfig = join(plane.directory, 'operator.kubeconfig');
    const { namespace } = defaultInstallation;
    writeFileSync(kubeconfig, await plane.kubeconfigForServiceAccount(namespace, 'keystead-operator'), { mode: 0o600 });
    return new Cluster(plane, api, await Api.open(kubeconfig), options);
  }

  get operator(): OperatorProcess {
    if (this.#operator === undefined) throw new Error('no operator runs');
    return this.#operator;
  }

  /** Does not wait until it works: create something and see. */
  async startOperator(): Promise<void> {
    this.#operator = await OperatorProcess.start(this.#options.program, this.#plane.directory, this.#options.nodeFlags);
  }

  /** Ends it in good order, so that it gives its lease back. */
  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  async requests(): Promise<Requests> {
    return parseRequests(await this.api.metrics());
  }

  /** What everybody asked of the API server since `before`. */
  async requestsSince(before: Requests): Promise<Readonly<Record<string, number>>> {
    return between(before, await this.requests());
  }

  cpu(): Cpu {
    return { operator: this.#operator === undefined ? 0 : cpuOf(this.operator.pid), apiServer: cpuOf(this.#pids.apiServer), etcd: cpuOf(this.#pids.etcd) };
  }

  async stop(): Promise<void> {
    await this.stopOperator();
    await Promise.all([this.api.close(), this.asOperator.close()]);
    await this.#plane.stop();
  }
}

const ESTABLISHED_WITHIN_MS = 30_000;

async function install(api: Api): Promise<void> {
  for (const object of installation(defaultInstallation)) {
    await api.create(resourceOf(object.kind), object.metadata.namespace, object);
  }
  // Served a moment after they are created.
  const deadline = systemClock.monotonic() + ESTABLISHED_WITHIN_MS;
  for (const resource of [resources.vaults, resources.vaultSecrets, resources.vaultCertificates, resources.vaultIssuers, resources.accessPolicies, resources.deletedVaults]) {
    while (!(await isServed(api, resource))) {
      if (systemClock.monotonic() > deadline) throw new Error(`${resource.plural} are not served`);
      await sleep(systemClock, 50);
    }
  }
}

async function isServed(api: Api, resource: Resource): Promise<boolean> {
  return api.get(`/apis/keystead.dev/v1alpha1/${resource.plural}?limit=1`).then(() => true, () => false);
}

function resourceOf(kind: string): Resource {
  const found = Object.values(resources).find((resource) => resource.kind === kind);
  if (found === undefined) throw new Error(`src/kube/resource.ts has no ${kind}`);
  return found;
}
