import { createHmac } from 'node:crypto';
import { canonical } from '../crypto/canonical.ts';
import { sameText, type AuditKeys } from './chain.ts';
import type { Checkpoint } from './record.ts';

/** The one record in the store that holds the newest checkpoint of each writer, in order of their first ones. */
export const CHECKPOINT_RECORD = 'audit-checkpoints';

export interface WriterCheckpoint extends Checkpoint {
  /** When it was put there: RFC 3339, by the writer's clock. */
  readonly time: string;
}

interface Document {
  readonly format: 1;
  readonly writers: readonly WriterCheckpoint[];
  readonly mac: string;
}

/** The body of the record. Its MAC keeps others from making up entries; an old body put back shows as a step back. */
export function encodeCheckpoints(keys: AuditKeys, writers: readonly WriterCheckpoint[]): Buffer {
  const document: Document = { format: 1, writers, mac: macOf(keys, writers) };
  return Buffer.from(JSON.stringify(document));
}

/** Undefined when the body is not what a writer with this key wrote. */
export function decodeCheckpoints(keys: AuditKeys, body: Buffer): readonly WriterCheckpoint[] | undefined {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  return isDocument(document) && sameText(document.mac, macOf(keys, document.writers)) ? document.writers : undefined;
}

function macOf(keys: AuditKeys, writers: readonly WriterCheckpoint[]): string {
  const bound = writers.flatMap(({ writer, seq, mac, time }) => [writer, String(seq), mac, time]);
  return createHmac('sha256', keys.checkpoint).update(canonical(['1', ...bound])).digest('base64url');
}

function isDocument(value: unknown): value is Document {
  return isObject(value) && value['format'] === 1 && typeof value['mac'] === 'string' && Array.isArray(value['writers']) && value['writers'].every(isWriter);
}

function isWriter(value: unknown): value is WriterCheckpoint {
  return isObject(value) && isCheckpoint(value) && typeof value['time'] === 'string';
}

/** Whether parsed JSON is a checkpoint. */
export function isCheckpoint(value: unknown): value is Checkpoint {
  return isObject(value) && typeof value['writer'] === 'string' && Number.isSafeInteger(value['seq']) && typeof value['mac'] === 'string';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
