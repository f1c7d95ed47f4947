import { sleep, type Clock } from '../runtime/clock.ts';
import { TimedOut } from '../runtime/deadline.ts';
import { exponentialDelay } from '../runtime/backoff.ts';
import type { Random } from '../runtime/random.ts';
import { ApiError, ConnectionError, isGone, type Status } from './errors.ts';
import { GuardedTransport, type Leadership } from './leadership.ts';
import type { KubeObject, ObjectName, ToWrite } from './object.ts';
import { apiVersionOf, pathOf, type Resource } from './resource.ts';
import type { ApiRequest, ServerTime, StreamConnection, Transport } from './transport.ts';

/*
 * src/kube is the API server as the rest of the program sees it. It knows no kind of ours beyond its name, and nothing
 * above it; it never loads @kubernetes/client-node (decisions 25, held by test/unit/kube/imports.test.ts).
 */

/** Every call can be given up. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

export interface ListOptions extends CallOptions {
  /** Undefined: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** `metadata`: objects without spec, data and status, for kinds whose contents we must not hold. */
  readonly representation?: 'full' | 'metadata' | undefined;
  /** Objects a page; one page costs one parse on the event loop. */
  readonly limit?: number;
}

export interface ObjectList<T extends KubeObject> {
  readonly items: T[];
  readonly resourceVersion: string;
}

export interface ApplyOptions extends CallOptions {
  readonly fieldManager: string;
  /** Take fields over from other managers. Without it a conflict is an ApiError (409). */
  readonly force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** Only this very object, not another one of the same name. */
  readonly uid?: string;
  /** Only in this very state. */
  readonly resourceVersion?: string;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

const PAGE = 500;
const READ_ATTEMPTS = 5;
const READ_BACKOFF = { baseMs: 100, maxMs: 5_000 };
/** A longer wish is the caller's to fulfil: nobody waits a minute inside of a get. */
const LONGEST_RETRY_AFTER_MS = 10_000;

export interface ClientOptions {
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * A typed client for one API server. Answers are the server's JSON, unchanged.
 *
 * Reads are repeated a few times over connection failures, 429 and 503 with Retry-After. Writes are never repeated
 * unless the request cannot have left this machine: whether a write without an answer took place is open, and only the
 * caller can look. All methods throw ApiError (the server said no), ConnectionError (it did not answer), or the
 * signal's reason.
 */
export class KubeClient {
  readonly transport: Transport;
  readonly #options: ClientOptions;

  constructor(transport: Transport, options: ClientOptions) {
    this.transport = transport;
    this.#options = options;
  }

  /** The API server's clock at its last answer: what the clock guard compares ours with (decisions 14). */
  serverTime(): ServerTime | undefined {
    return this.transport.serverTime();
  }

  /** A consistent read. */
  get<T extends KubeObject>(resource: Resource<T>, name: ObjectName, options: CallOptions & Pick<ListOptions, 'representation'> = {}): Promise<T> {
    return this.#call<T>({ method: 'GET', path: pathOf(resource, name), accept: acceptObject(options), ...callOf(options) });
  }

  /** A consistent list, page by page. @throws ApiError 410 if it takes so long that the next page is gone. */
  async *pages<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): AsyncGenerator<ObjectList<T>, void, undefined> {
    let token: string | undefined;
    do {
      const query = {
        limit: options.limit ?? PAGE,
        continue: token,
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
      };
      const path = pathOf(resource, { namespace: options.namespace });
      const page = await this.#call<ListDocument<T>>({ method: 'GET', path, query, accept: acceptList(options), ...callOf(options) });
      yield { items: withType(resource, page.items ?? []), resourceVersion: page.metadata.resourceVersion };
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (token !== undefined);
  }

  /** A consistent list of everything. When a page has expired on the way, the whole list is read again in one answer. */
  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    try {
      return await this.#collect(resource, options);
    } catch (error) {
      if (!isGone(error)) {
        throw error;
      }
      return this.#collect(resource, { ...options, limit: 0 });
    }
  }

  /** POST. @throws ApiError 409 AlreadyExists. */
  create<T extends KubeObject>(resource: Resource<T>, object: ToWrite<T>, options: CallOptions = {}): Promise<T> {
    const path = pathOf(resource, { namespace: object.metadata.namespace });
    return this.#write<T>('POST', path, bodyOf(resource, object), options);
  }

  /** PUT: replaces all but the status. A compare-and-swap if `metadata.resourceVersion` is set. @throws ApiError 409. */
  update<T extends KubeObject>(resource: Resource<T>, object: ToWrite<T>, options: CallOptions = {}): Promise<T> {
    return this.#write<T>('PUT', pathOf(resource, named(object)), bodyOf(resource, object), options);
  }

  /** PUT of the status subresource. */
  updateStatus<T extends KubeObject>(resource: Resource<T>, object: ToWrite<T>, options: CallOptions = {}): Promise<T> {
    return this.#write<T>('PUT', pathOf(resource, { ...named(object), subresource: 'status' }), bodyOf(resource, object), options);
  }

  /** Merge patch of the status; with `resourceVersion` a compare-and-swap. Lists are replaced whole. */
  patchStatus<T extends KubeObject>(
    resource: Resource<T>,
    name: ObjectName,
    status: Readonly<Record<string, unknown>>,
    options: CallOptions & { readonly resourceVersion?: string } = {},
  ): Promise<T> {
    const body = { ...(options.resourceVersion === undefined ? {} : { metadata: { resourceVersion: options.resourceVersion } }), status };
    const path = pathOf(resource, { ...name, subresource: 'status' });
    return this.#write<T>('PATCH', path, JSON.stringify(body), options, 'application/merge-patch+json');
  }

  /** Merge patch (RFC 7396): null removes a field. */
  mergePatch<T extends KubeObject>(resource: Resource<T>, name: ObjectName, patch: Readonly<Record<string, unknown>>, options: CallOptions = {}): Promise<T> {
    return this.#write<T>('PATCH', pathOf(resource, name), JSON.stringify(patch), options, 'application/merge-patch+json');
  }

  /** JSON patch (RFC 6902). */
  jsonPatch<T extends KubeObject>(resource: Resource<T>, name: ObjectName, patch: readonly JsonPatchOperation[], options: CallOptions = {}): Promise<T> {
    return this.#write<T>('PATCH', pathOf(resource, name), JSON.stringify(patch), options, 'application/json-patch+json');
  }

  /**
   * Server-side apply. Creates the object if it is missing, unless `metadata.uid` is set: then it is a 409.
   * Only for objects that others write too (decisions 9): it costs half as much again as a PUT.
   */
  apply<T extends KubeObject>(resource: Resource<T>, object: { readonly metadata: ToWrite<T>['metadata'] } & Partial<ToWrite<T>>, options: ApplyOptions): Promise<T> {
    const query = { fieldManager: options.fieldManager, force: options.force === true ? true : undefined };
    return this.#write<T>('PATCH', pathOf(resource, named(object)), bodyOf(resource, object), options, 'application/apply-patch+yaml', query);
  }

  /** @throws ApiError 404 when it is gone already, 409 when a precondition does not hold. */
  async delete(resource: Resource, name: ObjectName, options: DeleteOptions = {}): Promise<void> {
    const { uid, resourceVersion, propagationPolicy } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy });
    await this.#write('DELETE', pathOf(resource, name), body, options);
  }

  /** GET of any path whose answer is JSON, such as /version. */
  getRaw<A>(path: string, options: CallOptions = {}): Promise<A> {
    return this.#call<A>({ method: 'GET', path, ...callOf(options) });
  }

  /** POST of any path: reviews, token requests and other things that are answered and not stored. */
  postRaw<A>(path: string, body: unknown, options: CallOptions = {}): Promise<A> {
    return this.#write<A>('POST', path, JSON.stringify(body), options);
  }

  /** A connection for watches; see `openWatch`. */
  connection(): StreamConnection {
    return this.transport.connection();
  }

  /** The same client, but its writes need the leadership at the moment they are sent, and are aborted with it. */
  guarded(leadership: Leadership): KubeClient {
    return new KubeClient(new GuardedTransport(this.transport, leadership), this.#options);
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  async #collect<T extends KubeObject>(resource: Resource<T>, options: ListOptions): Promise<ObjectList<T>> {
    const items: T[] = [];
    let resourceVersion = '';
    for await (const page of this.pages(resource, options)) {
      items.push(...page.items);
      ({ resourceVersion } = page);
    }
    return { items, resourceVersion };
  }

  /** Everything that is no GET: not repeated, and refused by a guarded transport without leadership. */
  #write<A>(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body: string,
    options: CallOptions,
    contentType = 'application/json',
    query: ApiRequest['query'] = {},
  ): Promise<A> {
    return this.#call<A>({ method, path, query, body, contentType, ...callOf(options) });
  }

  /** One call with its repetitions. */
  async #call<A>(request: ApiRequest): Promise<A> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#once<A>(request);
      } catch (error) {
        if (attempt + 1 >= READ_ATTEMPTS || !mayRepeat(request, error)) {
          throw error;
        }
        const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
        await sleep(this.#options.clock, asked ?? exponentialDelay(READ_BACKOFF, attempt, this.#options.random), request.signal);
      }
    }
  }

  async #once<A>(request: ApiRequest): Promise<A> {
    const response = await this.transport.request(request);
    if (response.status >= 200 && response.status < 300) {
      const answer: A = JSON.parse(response.body);
      return answer;
    }
    throw new ApiError(response.status, statusOf(response.body), `${request.method} ${request.path}`, response.retryAfterMs);
  }
}

export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

interface ListDocument<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: T[] | null;
}

/** Whether a second attempt can do no harm and may help. */
function mayRepeat(request: ApiRequest, error: unknown): boolean {
  if (error instanceof ConnectionError) {
    // A read that ran out of time is not given the same time again, or a hung server would hold its caller for minutes.
    return request.method === 'GET' ? !(error.cause instanceof TimedOut) : !error.sent;
  }
  return (
    request.method === 'GET' &&
    error instanceof ApiError &&
    error.transient === 'throttled' &&
    (error.retryAfterMs ?? 0) <= LONGEST_RETRY_AFTER_MS
  );
}

/** Reads a metav1.Status, or makes one of what a proxy on the way answered (its text is not trusted with a message). */
export function statusOf(body: string): Status {
  try {
    const parsed: Status | null = JSON.parse(body);
    return parsed !== null && typeof parsed === 'object' ? parsed : {};
  } catch {
    return {};
  }
}

function callOf(options: CallOptions): Pick<ApiRequest, 'signal' | 'timeoutMs'> {
  return { signal: options.signal, ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }) };
}

function named(object: { readonly metadata: ToWrite<KubeObject>['metadata'] }): ObjectName {
  return { namespace: object.metadata.namespace, name: object.metadata.name };
}

function bodyOf(resource: Resource, object: object): string {
  return JSON.stringify({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object });
}

/** Items of a list come without apiVersion and kind for the built-in kinds. */
function withType<T extends KubeObject>(resource: Resource<T>, items: T[]): T[] {
  return items.map((item) => (item.kind === undefined ? { ...item, apiVersion: apiVersionOf(resource), kind: resource.kind } : item));
}

function acceptObject(options: Pick<ListOptions, 'representation'>): string {
  return options.representation === 'metadata' ? 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' : 'application/json';
}

function acceptList(options: ListOptions): string {
  return options.representation === 'metadata' ? 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' : 'application/json';
}
