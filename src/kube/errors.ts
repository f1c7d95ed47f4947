import type { Transient } from '../runtime/failure.ts';

/** The parts of a metav1.Status that are read. */
export interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: ReadonlyArray<{ readonly reason?: string; readonly message?: string; readonly field?: string }>;
  };
}

/**
 * The API server answered, and said no. `message` is the server's own sentence, cut to a bearable length; the body of
 * the request is never part of it (the server may quote invalid values of its own accord, so a message about a Secret
 * goes to the debug log only, never to a status).
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** metav1.StatusReason, such as `NotFound`; empty if the server gave none. */
  readonly reason: string;
  readonly details: Status['details'];
  readonly retryAfterMs: number | undefined;
  readonly transient: Transient | undefined;

  constructor(status: number, body: Status, request: string, retryAfterMs?: number) {
    super(`${request}: ${status} ${cut(body.message ?? body.reason ?? 'no explanation')}`);
    this.status = status;
    this.reason = body.reason ?? '';
    this.details = body.details;
    const seconds = body.details?.retryAfterSeconds;
    this.retryAfterMs = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000);
    this.transient = transience(status, this.reason, this.retryAfterMs);
  }
}

const LONGEST_MESSAGE = 1024;

function cut(message: string): string {
  return message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE)}…`;
}

function transience(status: number, reason: string, retryAfterMs: number | undefined): Transient | undefined {
  if (status === 409 && reason !== 'AlreadyExists') {
    return 'conflict';
  }
  if (status === 429 || (status >= 500 && retryAfterMs !== undefined)) {
    return 'throttled';
  }
  return status >= 500 ? 'unavailable' : undefined;
}

/**
 * The API server did not answer. `sent` says whether it may have received the request: false means that nothing can have
 * happened there, true that it is open whether the write took place.
 */
export class ConnectionError extends Error {
  override readonly name: string = 'ConnectionError';
  readonly sent: boolean;
  readonly transient: Transient = 'unavailable';
  readonly retryAfterMs = undefined;

  constructor(request: string, sent: boolean, cause: unknown) {
    super(`${request}: the API server did not answer (${codeOf(cause) ?? (cause instanceof Error ? cause.message : 'unknown')})`, { cause });
    this.sent = sent;
  }
}

/**
 * A watch from which nothing came for too long. Not always a fault: bookmarks only come when the kind changed somewhere
 * in the cluster, or when etcd runs with --watch-progress-notify-interval (as kubeadm sets it up).
 */
export class SilentWatch extends ConnectionError {
  override readonly name = 'SilentWatch';

  constructor(request: string, silenceMs: number) {
    super(request, true, new Error(`silent for ${silenceMs} ms`));
  }
}

/** The code of a system or undici error. Asked by shape: such errors may come from another realm. */
export function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function hasStatus(error: unknown, status: number): error is ApiError {
  return error instanceof ApiError && error.status === status;
}

export function isNotFound(error: unknown): error is ApiError {
  return hasStatus(error, 404);
}

/** Somebody else changed the object first (or a precondition does not hold). Not the same as `isAlreadyExists`. */
export function isConflict(error: unknown): error is ApiError {
  return hasStatus(error, 409) && error.reason !== 'AlreadyExists';
}

export function isAlreadyExists(error: unknown): error is ApiError {
  return hasStatus(error, 409) && error.reason === 'AlreadyExists';
}

/** The resourceVersion or continue token is too old: list again. */
export function isGone(error: unknown): error is ApiError {
  return hasStatus(error, 410);
}

export function isForbidden(error: unknown): error is ApiError {
  return hasStatus(error, 403);
}

export function isInvalid(error: unknown): error is ApiError {
  return hasStatus(error, 422);
}

export function isTooManyRequests(error: unknown): error is ApiError {
  return hasStatus(error, 429);
}

/** A create in a namespace that is being deleted; nothing will ever help. */
export function isNamespaceTerminating(error: unknown): boolean {
  return isForbidden(error) && (error.details?.causes ?? []).some((cause) => cause.reason === 'NamespaceTerminating');
}
