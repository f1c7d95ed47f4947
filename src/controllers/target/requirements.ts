import { KeysteadError } from '../../api/error.ts';
import type { TargetType } from '../../api/target.ts';

/** Kubernetes stores no more than this of the values of a Secret (`MaxSecretSize`). */
export const LARGEST_SECRET = 1024 ** 2;
/** And no more of all annotations of an object. */
const LARGEST_ANNOTATIONS = 256 * 1024;

const KEY = /^[-._a-zA-Z0-9]{1,253}$/;

/**
 * Checks what Kubernetes and the readers of a type expect, before the write, so that the reason is ours and tells what to
 * do: the API server's own answer about a Secret may quote it. @throws KeysteadError TargetTooLarge, TargetTypeMismatch
 */
export function checkData(type: TargetType, data: ReadonlyMap<string, Buffer>): void {
  let size = 0;
  for (const [key, value] of data) {
    if (!KEY.test(key)) throw mismatch(type, "a key has characters other than letters, digits, '-', '_' and '.'");
    size += value.length;
  }
  if (size > LARGEST_SECRET) throw tooLarge(`its values have ${size} bytes, and at most ${LARGEST_SECRET} can be stored`);
  requirements[type](data);
}

export function checkAnnotations(annotations: ReadonlyMap<string, string>): void {
  let size = 0;
  for (const [key, value] of annotations) size += key.length + Buffer.byteLength(value);
  if (size > LARGEST_ANNOTATIONS) throw tooLarge(`its annotations have ${size} bytes, and at most ${LARGEST_ANNOTATIONS} can be stored`);
}

const requirements: Readonly<Record<TargetType, (data: ReadonlyMap<string, Buffer>) => void>> = {
  Opaque: () => undefined,
  'kubernetes.io/tls': (data) => needs('kubernetes.io/tls', data, ['tls.crt', 'tls.key']),
  'kubernetes.io/ssh-auth': (data) => needs('kubernetes.io/ssh-auth', data, ['ssh-privatekey']),
  'kubernetes.io/basic-auth': (data) => {
    if (!data.has('username') && !data.has('password')) throw mismatch('kubernetes.io/basic-auth', 'it needs the key username or password');
  },
  'kubernetes.io/dockerconfigjson': (data) => {
    needs('kubernetes.io/dockerconfigjson', data, ['.dockerconfigjson']);
    if (!isJsonObject(data.get('.dockerconfigjson'))) {
      throw mismatch('kubernetes.io/dockerconfigjson', 'the key .dockerconfigjson must hold a JSON object, such as {"auths": {...}}');
    }
  },
};

function needs(type: TargetType, data: ReadonlyMap<string, Buffer>, keys: readonly string[]): void {
  const missing = keys.filter((key) => (data.get(key)?.length ?? 0) === 0);
  if (missing.length > 0) throw mismatch(type, `${missing.join(' and ')} would be missing or empty`);
}

function isJsonObject(value: Buffer | undefined): boolean {
  try {
    const parsed: unknown = JSON.parse(value?.toString('utf8') ?? '');
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  } catch {
    // The parser's message quotes what it read.
    return false;
  }
}

function mismatch(type: TargetType, why: string): KeysteadError {
  return new KeysteadError('TargetTypeMismatch', `The content does not fit a Secret of type ${type}: ${why}. Set spec.target.template.data, or another spec.target.type.`, 'stalled');
}

function tooLarge(why: string): KeysteadError {
  return new KeysteadError('TargetTooLarge', `The Secret would be too large: ${why}. Write less into it with spec.target.template.data.`, 'stalled');
}
