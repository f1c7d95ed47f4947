import { createHash } from 'node:crypto';
import { operations, type AuditRecord, type Checkpoint } from './record.ts';

/** What the journal adds to a record. */
export interface LinePosition {
  readonly time: Date;
  readonly writer: string;
  readonly seq: number;
  /** The MAC of the writer's line before; empty for its first. */
  readonly previous: string;
}

/** How every audit line begins: tells them from log lines, which `kubectl logs` mixes in. */
export const LINE_START = '{"audit":1,';

const knownOperations: ReadonlySet<string> = new Set(operations);

/** Kubernetes names, namespaces included; empty where there is none. */
const KUBERNETES_NAME = /^[a-z0-9.-]{0,253}$/;
/** Names and versions in a vault (decisions 34), ids, UIDs, writers, codes and kinds. */
const TOKEN = /^[0-9A-Za-z._-]{0,127}$/;
const SHA256_HEX = /^[0-9a-f]{64}$/;
const MAC = /^[0-9A-Za-z_-]{43}$/;
const LONGEST_USERNAME = 256;

/**
 * The content of a line, without its MAC and closing brace: JSON in one fixed order of fields, ASCII only, so that no
 * name can hide or forge anything on a terminal. Reads the named fields and nothing else of the record.
 * @throws TypeError that names the field (never its value) when a field is not what it may be
 */
export function lineContent(record: AuditRecord, at: LinePosition): string {
  if (!knownOperations.has(record.operation)) {
    throw new TypeError('audit: unknown operation');
  }
  const { vault, object, actor, resource, checkpoint } = record;
  const text = JSON.stringify({
    audit: 1,
    time: at.time.toISOString(),
    writer: at.writer,
    seq: at.seq,
    phase: token('phase', record.phase),
    operation: record.operation,
    vault: vault && {
      id: token('vault.id', vault.id),
      namespace: kubernetesName('vault.namespace', vault.namespace),
      name: kubernetesName('vault.name', vault.name),
    },
    object: object && {
      kind: token('object.kind', object.kind),
      name: token('object.name', object.name),
      version: optional(token, 'object.version', object.version),
    },
    actor: { kind: token('actor.kind', actor.kind), username: username(actor.username), uid: optional(token, 'actor.uid', actor.uid) },
    resource: resource && {
      kind: token('resource.kind', resource.kind),
      namespace: kubernetesName('resource.namespace', resource.namespace),
      name: kubernetesName('resource.name', resource.name),
      uid: token('resource.uid', resource.uid),
    },
    correlation: optional(token, 'correlation', record.correlation),
    intent: optional(count, 'intent', record.intent),
    expectedCounter: optional(count, 'expectedCounter', record.expectedCounter),
    counter: optional(count, 'counter', record.counter),
    headHash: optional(hash, 'headHash', record.headHash),
    result: optional(token, 'result', record.result),
    code: optional(token, 'code', record.code),
    checkpoint: checkpoint && checkpointFields(checkpoint),
    previous: at.previous,
  });
  return ascii(text.slice(0, -1));
}

function checkpointFields(checkpoint: Checkpoint): Checkpoint {
  return {
    writer: token('checkpoint.writer', checkpoint.writer),
    seq: count('checkpoint.seq', checkpoint.seq),
    mac: matching(MAC, 'checkpoint.mac', checkpoint.mac),
  };
}

/** Whether text can name a writer. */
export function isWriterName(text: string): boolean {
  return text !== '' && TOKEN.test(text);
}

function optional<T>(check: (field: string, value: T) => T, field: string, value: T | undefined): T | undefined {
  return value === undefined ? undefined : check(field, value);
}

function token(field: string, value: string): string {
  return matching(TOKEN, field, value);
}

function kubernetesName(field: string, value: string): string {
  return matching(KUBERNETES_NAME, field, value);
}

function hash(field: string, value: string): string {
  return matching(SHA256_HEX, field, value);
}

function matching(pattern: RegExp, field: string, value: string): string {
  // The type says string; a value that is none (a Buffer, an object) must fail here and not be spelled out by JSON.
  if (typeof value !== 'string' || !pattern.test(value)) {
    throw new TypeError(`audit: ${field} has a form that it cannot have`);
  }
  return value;
}

function count(field: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new TypeError(`audit: ${field} is not a count`);
  }
  return value;
}

/** Usernames are whatever an identity provider says. A long one is cut, and told from its like by a hash. */
function username(value: string): string {
  if (typeof value !== 'string') {
    throw new TypeError('audit: actor.username is not text');
  }
  if (value.length <= LONGEST_USERNAME) {
    return value;
  }
  return `${value.slice(0, LONGEST_USERNAME - 24)}...${createHash('sha256').update(value).digest('hex').slice(0, 16)}`;
}

/** JSON.stringify escapes up to U+001F; the rest that is not printable ASCII is ours to escape (RFC 8259 §7). */
function ascii(json: string): string {
  return /[^ -~]/.test(json) ? json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`) : json;
}
