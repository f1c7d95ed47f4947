import { encodeBase64, hash } from 'bcryptjs';
import { KeysteadError } from '../../api/error.ts';
import type { Random } from '../../runtime/random.ts';

/** 2^10 rounds: 60 ms here. The password is random and long, so more rounds would protect nothing but cost each login. */
export const DEFAULT_BCRYPT_COST = 10;

/**
 * One line of an htpasswd file with bcrypt, the one format that Apache, nginx, Traefik, HAProxy and the ingress controllers
 * all read and that isn't MD5 or SHA-1. Marked `$2y$`, as htpasswd itself writes it: Apache knows that mark in all versions.
 * Works in slices of at most 100 ms, between which other work gets its turn.
 * @throws KeysteadError InvalidGenerator for a name or password that the format can't hold
 */
export async function htpasswdLine(username: string, password: string, cost: number, random: Random): Promise<string> {
  if (!/^[!-9;-~]{1,255}$/.test(username)) throw invalid('the user name must be printable ASCII without spaces and colons (RFC 7617 §2)');
  if (Buffer.byteLength(password) > 72) throw invalid('bcrypt reads no more than 72 bytes of a password');
  if (!Number.isInteger(cost) || cost < 4 || cost > 15) throw invalid('the cost of bcrypt is a whole number from 4 to 15');
  const salt = `$2b$${String(cost).padStart(2, '0')}$${encodeBase64([...random.bytes(16)], 16)}`;
  return `${username}:${(await hash(password, salt)).replace(/^\$2b\$/, '$2y$')}`;
}

function invalid(message: string): KeysteadError {
  return new KeysteadError('InvalidGenerator', `The htpasswd line can't be made: ${message}.`, 'stalled');
}
