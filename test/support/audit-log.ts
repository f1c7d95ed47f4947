import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlPlaneAccess } from '../../src/cli/dev/access.ts';
import { call } from '../../src/cli/dev/https-call.ts';
import { sleep, systemClock } from '../../src/runtime/clock.ts';

/** A request as the API server's audit log tells it (audit.k8s.io/v1 Event, level Metadata), as far as tests look at it. */
export interface AuditEvent {
  readonly auditID: string;
  /** ResponseStarted only for a watch that is still open. */
  readonly stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string; readonly groups?: readonly string[] };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly apiGroup?: string;
    readonly apiVersion?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly reason?: string; readonly message?: string };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A place in the audit log: what is written later comes after it. */
export type AuditMark = number;

export interface AuditFilter {
  /** Default: from the beginning. */
  readonly since?: AuditMark;
  /** For a ServiceAccount `system:serviceaccount:<namespace>:<name>`. */
  readonly user?: string;
}

const LOOK_AGAIN_MS = 20;
const WRITTEN_WITHIN_MS = 10_000;

/** The end of the log now. */
export function auditMark(on: ControlPlaneAccess): AuditMark {
  return statSync(on.auditLog).size;
}

/**
 * One event for every request, in the order of their ends. All requests that were answered before this call are there:
 * the server writes an event about when it answers, so a request of our own is sent, and its event waited for.
 */
export async function auditEvents(on: ControlPlaneAccess, filter: AuditFilter = {}): Promise<AuditEvent[]> {
  const own = `/readyz?audit-mark=${randomUUID()}`;
  await ask(on, own);
  const deadline = systemClock.monotonic() + WRITTEN_WITHIN_MS;
  for (;;) {
    const events = readEvents(on.auditLog, filter.since ?? 0);
    if (events.some((event) => event.requestURI === own)) {
      return events.filter((event) => !event.requestURI.includes('audit-mark=') && (filter.user ?? event.user.username) === event.user.username);
    }
    if (systemClock.monotonic() > deadline) {
      throw new Error('the API server writes no audit events; was it started with audit off?');
    }
    await sleep(systemClock, LOOK_AGAIN_MS);
  }
}

async function ask(on: ControlPlaneAccess, path: string): Promise<void> {
  const read = (file: string): string => readFileSync(join(on.directory, file), 'utf8');
  await call({ url: on.url, caPem: on.caPem, client: { certificatePem: read('admin.crt'), keyPem: read('admin.key') } }, path);
}

/** Whole lines only: the last one may be half written. A later stage of a request replaces the earlier one. */
function readEvents(path: string, from: number): AuditEvent[] {
  const file = openSync(path, 'r');
  try {
    const content = Buffer.alloc(Math.max(0, fstatSync(file).size - from));
    const length = readSync(file, content, 0, content.length, from);
    const lines = content.toString('utf8', 0, length).split('\n').slice(0, -1);
    const latest = new Map<string, AuditEvent>();
    for (const line of lines) {
      const event: AuditEvent = JSON.parse(line);
      latest.delete(event.auditID);
      latest.set(event.auditID, event);
    }
    return [...latest.values()];
  } finally {
    closeSync(file);
  }
}
