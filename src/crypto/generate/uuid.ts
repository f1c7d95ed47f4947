import type { Random } from '../../runtime/random.ts';

/** A UUID of version 4 (RFC 9562 §5.4): 122 random bits, the version and the variant. */
export function generateUuid(random: Random): string {
  const octets = random.bytes(16);
  octets.writeUInt8((octets.readUInt8(6) & 0x0f) | 0x40, 6);
  octets.writeUInt8((octets.readUInt8(8) & 0x3f) | 0x80, 8);
  return octets.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
