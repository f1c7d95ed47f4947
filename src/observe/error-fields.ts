import { KeysteadError } from '../api/error.ts';
import { ApiError, ConnectionError } from '../kube/errors.ts';
import type { LogFields } from '../runtime/log.ts';

const DEEPEST_CAUSE = 4;
const MOST_FRAMES = 8;
/** Answers in which the API server may quote the values that it did not like. */
const QUOTING_STATUS: ReadonlySet<number> = new Set([400, 422]);

/**
 * What a log may say of an error of any origin. Messages only of errors whose messages are ours to vouch for; of all
 * others the class, the system's code and where it was thrown: `JSON.parse` quotes what it could not read, and that may
 * be a secret (CVE-2025-4166, CVE-2023-2878). Objects and properties of errors are never spelled out.
 */
export function errorFields(error: unknown): LogFields {
  const causes: string[] = [];
  for (let cause = causeOf(error); cause !== undefined && causes.length < DEEPEST_CAUSE; cause = causeOf(cause)) {
    causes.push(described(cause));
  }
  return {
    error: described(error),
    ...(causes.length === 0 ? {} : { cause: causes.join(' < ') }),
    ...(isVouchedFor(error) ? {} : { at: frames(error) }),
  };
}

function isVouchedFor(error: unknown): error is KeysteadError | ApiError | ConnectionError {
  return error instanceof KeysteadError || error instanceof ApiError || error instanceof ConnectionError;
}

function described(error: unknown): string {
  if (error instanceof KeysteadError) {
    return `${error.code}: ${error.message}`;
  }
  if (error instanceof ApiError && QUOTING_STATUS.has(error.status)) {
    return `${/^\S+ \S+: \d{3}/.exec(error.message)?.[0] ?? String(error.status)} ${error.reason}`;
  }
  if (isVouchedFor(error)) {
    return error.message;
  }
  if (typeof error !== 'object' || error === null) {
    return 'something that is not an Error was thrown';
  }
  const code = text(error, 'code', /^[A-Z0-9_]{1,40}$/);
  return `${text(error, 'name', /^[A-Za-z]{1,64}$/) ?? 'Error'}${code === undefined ? '' : ` ${code}`}`;
}

/** A property, if it has the form of a code or name. */
function text(error: object, property: 'code' | 'name', form: RegExp): string | undefined {
  const value: unknown = Reflect.get(error, property);
  return typeof value === 'string' && form.test(value) ? value : undefined;
}

function causeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
}

/** Where it was thrown. The stack begins with the message, which is taken away first. */
function frames(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) {
    return undefined;
  }
  const stack: unknown = Reflect.get(error, 'stack');
  const message: unknown = Reflect.get(error, 'message');
  if (typeof stack !== 'string' || typeof message !== 'string') {
    return undefined;
  }
  const found = stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .flatMap((line) => /^ {4}at (?:.{1,200} \()?((?:file:|node:|\/)[^\s()]{1,300}:\d+:\d+)\)?$/.exec(line)?.[1] ?? []);
  return found.slice(0, MOST_FRAMES).join(' ');
}
