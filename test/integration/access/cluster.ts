import { dirname } from 'node:path';
import { readFile } from 'node:fs/promises';
import { crds } from '../../../src/api/crds.ts';
import { defaultGuardParameters } from '../../../src/access/guards/guard.ts';
import { guardObjects } from '../../../src/access/guards/guards.ts';
import { kubeconfig, type ClusterConfig } from '../../../src/kube/config.ts';
import { HttpTransport } from '../../../src/kube/http.ts';
import { apiVersionOf, pathOf, resources, type Resource } from '../../../src/kube/resource.ts';
import type { ApiRequest } from '../../../src/kube/transport.ts';
import { sleep, systemClock } from '../../../src/runtime/clock.ts';
import { ownControlPlane } from '../../support/control-plane.ts';
import { actorRights, actors, type ActorName } from './actors.ts';
import { remove, type Call } from './attempts.ts';

/** What the API server answered. */
export interface Answer {
  readonly status: number;
  /** Of a refusal. */
  readonly message: string;
  readonly body: Record<string, unknown>;
}

interface Written {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** A real API server with our kinds, guards and the actors' rights; guards are cluster-wide, so it is this file's own. */
export class GuardedCluster {
  readonly #config: ClusterConfig;
  readonly #transports = new Map<ActorName, HttpTransport>();

  constructor(config: ClusterConfig) {
    this.#config = config;
  }

  async send(who: ActorName, request: ApiRequest): Promise<Answer> {
    const { status, body } = await this.#transport(who).request(request);
    const parsed = (body.startsWith('{') ? JSON.parse(body) : { message: body }) as Record<string, unknown>;
    return { status, message: status >= 400 ? String(parsed['message']) : '', body: parsed };
  }

  try(who: ActorName, call: Call): Promise<Answer> {
    return this.send(who, call.request);
  }

  /** Creates for real. @throws when it is refused. */
  async create(who: ActorName, resource: Resource, object: object): Promise<void> {
    const { metadata } = object as Written;
    const path = pathOf(resource, metadata.namespace === undefined ? {} : { namespace: metadata.namespace });
    await this.#must(who, { method: 'POST', path, body: JSON.stringify({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object }), contentType: 'application/json' });
  }

  /** A merge patch for real. @throws when it is refused. */
  async patch(who: ActorName, resource: Resource, at: { namespace?: string; name: string; subresource?: string }, content: object): Promise<void> {
    await this.#must(who, { method: 'PATCH', path: pathOf(resource, at), body: JSON.stringify(content), contentType: 'application/merge-patch+json' });
  }

  async get(resource: Resource, at: { namespace?: string; name?: string }): Promise<Answer> {
    return this.send('admin', { method: 'GET', path: pathOf(resource, at) });
  }

  async #must(who: ActorName, request: ApiRequest): Promise<void> {
    const answer = await this.send(who, request);
    if (answer.status >= 400) throw new Error(`${who}: ${request.method} ${request.path}: ${answer.message}`);
  }

  #transport(who: ActorName): HttpTransport {
    const { user, groups } = actors[who];
    const transport = this.#transports.get(who)
      ?? new HttpTransport({ ...this.#config, impersonate: { user, groups } }, { clock: systemClock, userAgent: 'attack' });
    this.#transports.set(who, transport);
    return transport;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#transports.values()].map((transport) => transport.close()));
  }
}

/** Polls a condition of the real server; there is no watch for what is tested here. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + 30_000;
  while (!(await holds())) {
    if (systemClock.monotonic() > deadline) throw new Error(`waited 30 s in vain until ${what}`);
    await sleep(systemClock, 50);
  }
}

/** Starts it: kinds, namespaces, rights, guards in force. Takes some 10 s. */
export async function guardedCluster(): Promise<GuardedCluster> {
  const controlPlane = await ownControlPlane();
  const path = controlPlane.adminKubeconfig;
  const cluster = new GuardedCluster(await kubeconfig(await readFile(path, 'utf8'), dirname(path), systemClock));
  for (const crd of crds()) await cluster.create('admin', resources.customResourceDefinitions, crd);
  for (const name of ['team-a', 'team-b', 'keystead-system']) await cluster.create('admin', resources.namespaces, { metadata: { name } });
  for (const { resource, object } of actorRights) await cluster.create('admin', resource, object);
  for (const object of guardObjects(defaultGuardParameters)) {
    const resource = object.kind === 'ValidatingAdmissionPolicy' ? resources.validatingAdmissionPolicies : resources.validatingAdmissionPolicyBindings;
    await cluster.create('admin', resource, object);
  }
  // The binding that was made last; the API server takes policies in all at once, so the others are in force too.
  const probe = remove(resources.namespaces, { name: 'keystead-system' });
  await until('the guards are in force', async () => (await cluster.try('admin', probe)).status === 403);
  await until('the kinds are served', async () => (await cluster.get(resources.accessPolicies, { namespace: 'team-a' })).status === 200);
  return cluster;
}
