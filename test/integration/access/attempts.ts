import { apiVersionOf, pathOf, type Resource } from '../../../src/kube/resource.ts';
import type { ApiRequest } from '../../../src/kube/transport.ts';
import type { ActorName } from './actors.ts';

/** One row of the table of attacks: who tries what, and the API server's answer. */
export interface Attempt {
  readonly who: ActorName;
  readonly does: string;
  readonly call: Call;
  readonly expected: Expected;
}

/** Every attempt is a dry run: admission and validation run whole, nothing is stored, so no row depends on another. */
export interface Call {
  readonly request: ApiRequest;
  /** How the API server names the object when it refuses. */
  readonly subject: string;
}

export type Expected =
  | 'allowed'
  /** Refused by this guard with exactly these words. */
  | { readonly guard: string; readonly says: string }
  /** Refused by a rule of the schema, whose message the answer contains. */
  | { readonly rule: string };

interface At {
  readonly namespace?: string;
  readonly name: string;
  readonly subresource?: string;
}

const dryRun = { dryRun: 'All', fieldManager: 'attack' } as const;

function call(resource: Resource, at: Partial<At>, request: Pick<ApiRequest, 'method' | 'body' | 'contentType'>, named = at.name ?? ''): Call {
  const type = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  return { request: { ...request, path: pathOf(resource, at), query: dryRun }, subject: `${type} ${JSON.stringify(named)}` };
}

export function create(resource: Resource, at: At, content: object): Call {
  const metadata = { name: at.name, ...(at.namespace === undefined ? {} : { namespace: at.namespace }), ...('metadata' in content ? content.metadata as object : {}) };
  const body = JSON.stringify({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...content, metadata });
  return call(resource, at.namespace === undefined ? {} : { namespace: at.namespace }, { method: 'POST', body, contentType: 'application/json' }, at.name);
}

/** A JSON merge patch, as `kubectl patch --type=merge`. */
export function patch(resource: Resource, at: At, content: object): Call {
  return call(resource, at, { method: 'PATCH', body: JSON.stringify(content), contentType: 'application/merge-patch+json' });
}

/** A server-side apply that takes every field over. */
export function apply(resource: Resource, at: At, content: object): Call {
  const body = JSON.stringify({ apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name: at.name }, ...content });
  const made = call(resource, at, { method: 'PATCH', body, contentType: 'application/apply-patch+yaml' });
  return { ...made, request: { ...made.request, query: { ...dryRun, force: true } } };
}

export function remove(resource: Resource, at: At): Call {
  return call(resource, at, { method: 'DELETE' });
}

/** `kubectl delete --all`, or only what a field selector selects. The API server does not say which object it was. */
export function removeAll(resource: Resource, namespace: string, fieldSelector?: string): Call {
  const made = call(resource, { namespace }, { method: 'DELETE' }, 'Unknown');
  return fieldSelector === undefined ? made : { ...made, request: { ...made.request, query: { ...dryRun, fieldSelector } } };
}
