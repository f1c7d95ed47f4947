import { childElements, elementContent } from '../../../../src/crypto/x509/der.ts';

/**
 * The same file in BER as Firefox writes it: constructed elements of indefinite length, and octet strings that hold other
 * elements, cut into pieces. What lies inside octet strings stays as it is, for a MAC covers it.
 */
export function asBer(der: Buffer, pieceBytes: number): Buffer {
  const tag = der.readUInt8(0);
  if (tag === 0x04 && elementContent(der).length > pieceBytes) return indefinite(0x24, pieces(elementContent(der), pieceBytes));
  if ((tag & 0x20) === 0) return der;
  return indefinite(tag, childElements(der).map((child) => asBer(child, pieceBytes)));
}

const indefinite = (tag: number, parts: readonly Buffer[]): Buffer => Buffer.concat([Buffer.from([tag, 0x80]), ...parts, Buffer.alloc(2)]);

function pieces(content: Buffer, bytes: number): Buffer[] {
  const count = Math.ceil(content.length / bytes);
  return Array.from({ length: count }, (_, index) => {
    const piece = content.subarray(index * bytes, (index + 1) * bytes);
    return Buffer.concat([Buffer.from([0x04, 0x82, piece.length >> 8, piece.length & 0xff]), piece]);
  });
}
