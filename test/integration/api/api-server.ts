import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { crds, customResources } from '../../../src/api/crds.ts';
import { group, version } from '../../../src/api/names.ts';
import { controlPlane, kubectl } from '../../support/control-plane.ts';
import type { Manifest } from './manifests.ts';

/** What the API server says to a manifest. Raw requests, because kubectl and clients rephrase answers. */
export interface Answer {
  readonly code: number;
  readonly body: { readonly message?: string; readonly spec?: unknown; readonly status?: unknown };
  /** Warnings of the API server, such as about unknown fields. */
  readonly warnings: string | undefined;
}

/** Installs our CRDs and waits until they are served. Other test files may do the same at the same time. */
export async function installCrds(): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: crds() });
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input });
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...customResources.map(({ plural }) => `crd/${plural}.${group}`)]);
  // Established is not yet discovered; asking also renews kubectl's own cache of what there is.
  let discovered = 0;
  for (let attempt = 0; attempt < 100 && discovered < customResources.length; attempt += 1) {
    discovered = (await kubectl(['api-resources', `--api-group=${group}`, '--no-headers'])).split('\n').filter((line) => line !== '').length;
  }
}

/** The shared API server as its administrator: what even he cannot do is held by the schema alone. */
export class ApiServer {
  readonly #agent: Agent;
  readonly #url: string;
  readonly #namespace: string;

  /** @param namespace where manifests go, whatever they say */
  constructor(namespace: string) {
    const { url, caPem, directory } = controlPlane();
    const read = (file: string) => readFileSync(join(directory, file));
    this.#agent = new Agent({ connect: { ca: caPem, cert: read('admin.crt'), key: read('admin.key') } });
    this.#url = url;
    this.#namespace = namespace;
  }

  /** Nothing is stored, but everything is checked. Unknown fields are refused too, as kubectl asks for by default. */
  tryToCreate(manifest: Manifest): Promise<Answer> {
    return this.#send('POST', this.#path(manifest), manifest, 'dryRun=All&fieldValidation=Strict');
  }

  create(manifest: Manifest): Promise<Answer> {
    return this.#send('POST', this.#path(manifest), manifest);
  }

  read(manifest: Manifest): Promise<Answer> {
    return this.#send('GET', `${this.#path(manifest)}/${manifest.metadata.name}`);
  }

  delete(manifest: Manifest): Promise<Answer> {
    return this.#send('DELETE', `${this.#path(manifest)}/${manifest.metadata.name}`);
  }

  /** JSON merge patch (RFC 7396): null removes a field. */
  patch(manifest: Manifest, patch: object): Promise<Answer> {
    return this.#send('PATCH', `${this.#path(manifest)}/${manifest.metadata.name}`, patch);
  }

  patchStatus(manifest: Manifest, status: object): Promise<Answer> {
    return this.#send('PATCH', `${this.#path(manifest)}/${manifest.metadata.name}/status`, { status });
  }

  /** PUT of the whole manifest, as `kubectl replace` does it. */
  async replace(manifest: Manifest): Promise<Answer> {
    const { body } = await this.read(manifest);
    const metadata = 'metadata' in body ? body.metadata : undefined;
    return this.#send('PUT', `${this.#path(manifest)}/${manifest.metadata.name}`, { ...manifest, metadata });
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  #path(manifest: Manifest): string {
    const plural = customResources.find(({ kind }) => kind === manifest.kind)?.plural;
    const where = manifest.kind === 'DeletedVault' ? '' : `namespaces/${this.#namespace}/`;
    return `/apis/${group}/${version}/${where}${plural}`;
  }

  async #send(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, manifest?: object, query = ''): Promise<Answer> {
    const body = manifest === undefined ? null : JSON.stringify(this.#moved(manifest));
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const answer = await request(`${this.#url}${path}?${query}`, { method, dispatcher: this.#agent, headers: { 'content-type': contentType }, body });
    const { warning } = answer.headers;
    const parsed: unknown = await answer.body.json();
    return { code: answer.statusCode, body: typeof parsed === 'object' && parsed !== null ? parsed : {}, warnings: warning?.toString() };
  }

  #moved(manifest: object): object {
    if (!('metadata' in manifest) || typeof manifest.metadata !== 'object' || manifest.metadata === null || !('namespace' in manifest.metadata)) {
      return manifest;
    }
    return { ...manifest, metadata: { ...manifest.metadata, namespace: this.#namespace } };
  }
}
