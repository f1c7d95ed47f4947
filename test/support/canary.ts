import { randomBytes } from 'node:crypto';
import type { ControlPlaneAccess } from '../../src/cli/dev/access.ts';

/** A value that no dictionary has, so that wherever it is found, it came from where it was put. */
export function canary(): string {
  return `canary${randomBytes(18).toString('hex')}`;
}

/**
 * The ways in which a value may stand in a text: as it is, in hex, and in base64 at each of the three alignments (the
 * first and last characters of those depend on the neighbours, and are left out).
 */
export function formsOf(value: string | Buffer): readonly string[] {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value);
  const aligned = [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').replaceAll('=', '');
    return encoded.slice(shift === 0 ? 0 : 4, -2);
  });
  const url = aligned.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [...new Set([bytes.toString('latin1'), bytes.toString('hex'), ...aligned, ...url])];
}

/** Whether a text or bytes hold the value in any of these forms. */
export function holds(haystack: string | Buffer, value: string | Buffer): boolean {
  const text = Buffer.isBuffer(haystack) ? haystack.toString('latin1') : haystack;
  return formsOf(value).some((form) => text.includes(form));
}

/** The keys in etcd under which the value lies in any form. */
export async function etcdKeysHolding(on: ControlPlaneAccess, value: string | Buffer): Promise<readonly string[]> {
  const entries = await on.etcdRange('/');
  return entries.filter((entry) => holds(entry.value, value) || holds(entry.key, value)).map(({ key }) => key);
}
