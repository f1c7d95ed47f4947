import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { KEY_BYTES } from '../../crypto/aead.ts';
import type { Secret } from '../../kube/kinds.ts';
import { ROOT_KEY_FIELD, ROOT_KEY_SECRET, ROOT_KEY_TYPE } from '../../operator/root-key.ts';
import { recordOf } from '../../store/kubernetes.ts';
import type { StoredRecord } from '../../store/store.ts';
import { UsageError } from '../args.ts';

/** What a dump of the operator's namespace holds. */
export interface Dump {
  readonly records: readonly StoredRecord[];
  /** 32 bytes, if the Secret of the root key is in the dump. */
  readonly rootKey: Buffer | undefined;
}

const secretForm = z.object({
  kind: z.literal('Secret').optional(),
  metadata: z.object({
    name: z.string(),
    uid: z.string().default(''),
    resourceVersion: z.string().default(''),
    labels: z.record(z.string(), z.string()).default({}),
    creationTimestamp: z.string().default(''),
  }),
  type: z.string().default('Opaque'),
  data: z.record(z.string(), z.string()).default({}),
});

/**
 * Reads what `kubectl get secrets -n keystead-system -o yaml` or `-o json` wrote: a list, or Secrets one after the other.
 * Secrets that are not Keystead's are passed over.
 * @throws UsageError when it is nothing of the kind. Nothing of the text is quoted: it may hold keys.
 */
export function readDump(text: string, file: string): Dump {
  const secrets = documents(text, file).flatMap(itemsOf).flatMap((item) => secretOf(item, file));
  const records = secrets.flatMap((secret) => recordOf(secret) ?? []);
  if (records.length === 0) {
    throw new UsageError(`${file} holds no record of Keystead. Make it by: kubectl get secrets -n keystead-system -o yaml > ${file}`);
  }
  const root = secrets.find(({ metadata, type }) => metadata.name === ROOT_KEY_SECRET && type === ROOT_KEY_TYPE);
  return { records, rootKey: root === undefined ? undefined : keyOf(root.data?.[ROOT_KEY_FIELD] ?? '') };
}

/**
 * Reads the root key: the manifest of its Secret, or the 32 bytes as they are or in base64.
 * @throws UsageError
 */
export function readRootKey(bytes: Buffer, file: string): Buffer {
  if (bytes.length === KEY_BYTES) return Buffer.from(bytes);
  const text = bytes.toString('utf8').trim();
  const key = keyOf(text) ?? rootKeyOfManifest(text, file);
  if (key === undefined) {
    throw new UsageError(`${file} holds no root key: it must be the manifest of Secret ${ROOT_KEY_SECRET}, or ${KEY_BYTES} bytes, raw or in base64.`);
  }
  return key;
}

function rootKeyOfManifest(text: string, file: string): Buffer | undefined {
  const secrets = documents(text, file).flatMap(itemsOf).map((item) => secretForm.safeParse(item).data);
  const root = secrets.find((secret) => secret?.type === ROOT_KEY_TYPE);
  return keyOf(root?.data?.[ROOT_KEY_FIELD] ?? '');
}

function keyOf(base64: string): Buffer | undefined {
  const bytes = /^[A-Za-z0-9+/]{43}=$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
  return bytes?.length === KEY_BYTES ? bytes : undefined;
}

function documents(text: string, file: string): readonly unknown[] {
  try {
    // Many times faster than YAML, and a dump of ten thousand records is large.
    if (text.trimStart().startsWith('{')) return [JSON.parse(text)];
    return parseAllDocuments(text).map((document) => {
      if (document.errors.length > 0) throw new UsageError('not YAML');
      const value: unknown = document.toJS();
      return value;
    });
  } catch {
    throw new UsageError(`${file} is neither YAML nor JSON. Make it by: kubectl get secrets -n keystead-system -o yaml > ${file}`);
  }
}

/** A List of any kind is what it holds. */
function itemsOf(document: unknown): readonly unknown[] {
  const { items }: { items?: unknown } = Object(document);
  return Array.isArray(items) ? items : [document];
}

function secretOf(item: unknown, file: string): readonly Secret[] {
  if (item === null || item === undefined) return [];
  const { kind }: { kind?: unknown } = Object(item);
  if (kind !== undefined && kind !== 'Secret') return [];
  const parsed = secretForm.safeParse(item);
  if (!parsed.success) {
    throw new UsageError(`${file} holds something that is no Secret (${parsed.error.issues[0]?.path.join('.') ?? ''}). Make the dump anew, without editing it.`);
  }
  return [{ apiVersion: 'v1', ...parsed.data, kind: 'Secret' }];
}
