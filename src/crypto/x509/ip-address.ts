/**
 * IP addresses and ranges as octets, which is how certificates hold them, and as the one text that they are shown in.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** 4 or 16 octets of an address in text; undefined for anything else (zones, leading zeros, ports). */
export function parseIpAddress(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const left = groups(head);
  if (tail === undefined) return left;
  const right = groups(tail);
  return Buffer.concat([left, Buffer.alloc(16 - left.length - right.length), right]);
}

function groups(text: string): Buffer {
  if (text === '') return Buffer.alloc(0);
  return Buffer.concat(
    text.split(':').map((group) => (group.includes('.') ? Buffer.from(group.split('.').map(Number)) : Buffer.from(group.padStart(4, '0'), 'hex'))),
  );
}

/** The one canonical text of an address: RFC 5952 for IPv6, with the dotted tail for mapped IPv4 (§5). */
export function formatIpAddress(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.');
  if (octets.subarray(0, 12).equals(Buffer.from('00000000000000000000ffff', 'hex'))) return `::ffff:${octets.subarray(12).join('.')}`;
  const fields = Array.from({ length: 8 }, (_, index) => octets.readUInt16BE(index * 2));
  const zeros = longestZeroRun(fields);
  if (zeros === undefined) return fieldsText(fields);
  return `${fieldsText(fields.slice(0, zeros.start))}::${fieldsText(fields.slice(zeros.start + zeros.length))}`;
}

const fieldsText = (fields: readonly number[]): string => fields.map((field) => field.toString(16)).join(':');

/** The first of the longest runs of at least two zero fields (RFC 5952 §4.2). */
function longestZeroRun(fields: readonly number[]): { readonly start: number; readonly length: number } | undefined {
  let best: { start: number; length: number } | undefined;
  for (let start = 0; start < fields.length; start += 1) {
    let length = 0;
    while (fields[start + length] === 0) length += 1;
    if (length >= 2 && length > (best?.length ?? 0)) best = { start, length };
  }
  return best;
}

/** A range in CIDR notation; host bits are cleared, as routers do. */
export interface IpRange {
  readonly network: Buffer;
  readonly prefixLength: number;
}

export function parseIpRange(text: string): IpRange | undefined {
  const [, address = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const octets = parseIpAddress(address);
  const prefixLength = Number(digits);
  if (octets === undefined || digits === '' || prefixLength > octets.length * 8) return undefined;
  const mask = ipMask(octets.length, prefixLength);
  return { network: Buffer.from(octets.map((octet, index) => octet & (mask[index] ?? 0))), prefixLength };
}

export const formatIpRange = (range: IpRange): string => `${formatIpAddress(range.network)}/${range.prefixLength}`;

/** The mask of a prefix length, in as many octets as the address has. */
export function ipMask(length: number, prefixLength: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (0xff00 >> Math.min(8, Math.max(0, prefixLength - index * 8))) & 0xff));
}

/** Whether an address lies in a range; never true between address families. */
export function isInIpRange(address: Buffer, range: IpRange): boolean {
  if (address.length !== range.network.length) return false;
  const mask = ipMask(address.length, range.prefixLength);
  return address.every((octet, index) => (octet & (mask[index] ?? 0)) === range.network[index]);
}
