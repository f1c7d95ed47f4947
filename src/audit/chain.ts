import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { deriveKey, KEY_BYTES } from '../crypto/aead.ts';
import { canonical } from '../crypto/canonical.ts';

/** The two keys made of the audit key, one for each purpose (decisions 54). */
export interface AuditKeys {
  readonly line: KeyObject;
  readonly checkpoint: KeyObject;
}

/** @param key the audit key, 32 bytes, kept from whoever can write to the log */
export function auditKeys(key: Buffer): AuditKeys {
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`an audit key has ${KEY_BYTES} bytes, not ${key.length}`);
  }
  const derived = (purpose: string): KeyObject => createSecretKey(deriveKey(key, Buffer.alloc(0), canonical([purpose])));
  return { line: derived('keystead/audit-line'), checkpoint: derived('keystead/audit-checkpoint') };
}

const MAC_FIELD = ',"mac":"';
const MAC_LENGTH = 43;
const TAIL_LENGTH = MAC_FIELD.length + MAC_LENGTH + 2;

/**
 * HMAC-SHA-256 (RFC 2104) in base64url over the very bytes of the line's content. The content names the writer, the
 * sequence number and the MAC of the line before, so a line can be checked alone, and cannot be moved, repeated under
 * another number, or left out unseen.
 */
export function lineMac(keys: AuditKeys, content: string): string {
  return createHmac('sha256', keys.line).update(content, 'latin1').digest('base64url');
}

/** The whole line, with its newline. */
export function sealLine(content: string, mac: string): string {
  return `${content}${MAC_FIELD}${mac}"}\n`;
}

/** Takes a line (without newline) apart and checks its MAC; undefined when it is not what was written. */
export function openLine(keys: AuditKeys, line: string): { readonly content: string; readonly mac: string } | undefined {
  const content = line.slice(0, -TAIL_LENGTH);
  const mac = line.slice(-MAC_LENGTH - 2, -2);
  // Lines are ASCII: anything else would be read as another byte by latin1.
  if (line !== sealLine(content, mac).slice(0, -1) || !/^[ -~]+$/.test(content)) {
    return undefined;
  }
  return sameText(lineMac(keys, content), mac) ? { content, mac } : undefined;
}

/** Compares in constant time. */
export function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
