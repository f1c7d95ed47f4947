/**
 * A reader of BER (X.690 §8), for PKCS#12 files: RFC 7292 allows it, and Firefox and macOS write it (indefinite lengths,
 * octet strings in pieces). Everything here is hostile input, so elements and depth are bounded, and what does not fit
 * throws `Malformed`, which never holds any of it. Nothing is copied but what comes in pieces.
 */

/** The input is not what it should be. For `read.ts`, which says it to people. */
export class Malformed extends Error {}

export interface BerElement {
  /** The whole identifier octet. */
  readonly tag: number;
  /** All octets of the element. */
  readonly encoded: Buffer;
  /** The content octets of a primitive element; empty for a constructed one. */
  readonly content: Buffer;
  /** Of a constructed element. */
  readonly children: readonly BerElement[];
}

export const tags = { integer: 0x02, octetString: 0x04, objectIdentifier: 0x06, sequence: 0x30, set: 0x31, explicit0: 0xa0, implicit0: 0x80 } as const;

const CONSTRUCTED = 0x20;
const DEEPEST = 32;
/** A file with 300 certificates has 3,000. */
const MOST_ELEMENTS = 10_000;

/** The one element that fills `octets`. @throws Malformed */
export function parseBer(octets: Buffer): BerElement {
  const reader = new Reader(octets);
  const element = reader.element(0, octets.length, 0);
  if (element.encoded.length !== octets.length) throw new Malformed('octets after the end');
  return element;
}

class Reader {
  readonly #octets: Buffer;
  #left = MOST_ELEMENTS;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  /** The element at `at`, which must end by `limit`. */
  element(at: number, limit: number, depth: number): BerElement {
    this.#left -= 1;
    if (depth > DEEPEST || this.#left < 0) throw new Malformed('too many elements');
    const tag = this.#octet(at, limit);
    if ((tag & 0x1f) === 0x1f) throw new Malformed('a tag of several octets');
    const first = this.#octet(at + 1, limit);
    if (first === 0x80) return this.#indefinite(tag, at, limit, depth);
    const more = first < 0x80 ? 0 : first & 0x7f;
    const start = at + 2 + more;
    if (more > 4 || start > limit) throw new Malformed('a length that is too long');
    const end = start + (more === 0 ? first : this.#octets.readUIntBE(at + 2, more));
    if (end > limit) throw new Malformed('an element that ends beyond its parent');
    const encoded = this.#octets.subarray(at, end);
    if ((tag & CONSTRUCTED) === 0) return { tag, encoded, content: this.#octets.subarray(start, end), children: [] };
    return { tag, encoded, content: Buffer.alloc(0), children: this.#children(start, end, depth) };
  }

  #children(start: number, end: number, depth: number): readonly BerElement[] {
    const children: BerElement[] = [];
    for (let at = start; at < end; ) {
      const child = this.element(at, end, depth + 1);
      children.push(child);
      at += child.encoded.length;
    }
    return children;
  }

  /** Ends with two zero octets (§8.1.3.6). */
  #indefinite(tag: number, at: number, limit: number, depth: number): BerElement {
    if ((tag & CONSTRUCTED) === 0) throw new Malformed('a primitive element of indefinite length');
    const children: BerElement[] = [];
    let next = at + 2;
    while (this.#octet(next, limit) !== 0 || this.#octet(next + 1, limit) !== 0) {
      const child = this.element(next, limit, depth + 1);
      children.push(child);
      next += child.encoded.length;
    }
    return { tag, encoded: this.#octets.subarray(at, next + 2), content: Buffer.alloc(0), children };
  }

  #octet(at: number, limit: number): number {
    const octet = at < limit ? this.#octets[at] : undefined;
    if (octet === undefined) throw new Malformed('an element without an end');
    return octet;
  }
}

/** The children of an element of this tag. @throws Malformed */
export function childrenOf(element: BerElement | undefined, tag: number): readonly BerElement[] {
  if (element?.tag !== tag) throw new Malformed('another element than expected');
  return element.children;
}

/** The octets of an OCTET STRING in one piece or several, under its own tag or an implicit one. @throws Malformed */
export function octetsOf(element: BerElement | undefined, tag: number = tags.octetString): Buffer {
  if (element?.tag === tag) return element.content;
  if (element?.tag !== (tag | CONSTRUCTED)) throw new Malformed('no octet string');
  return Buffer.concat(element.children.map((piece) => octetsOf(piece)));
}

/** An INTEGER from 0 to 2^31 - 1. @throws Malformed */
export function numberOf(element: BerElement | undefined): number {
  const content = element?.tag === tags.integer ? element.content : Buffer.alloc(0);
  if (content.length === 0 || content.length > 4 || content.readInt8(0) < 0) throw new Malformed('no small number');
  return content.readUIntBE(0, content.length);
}

/** An OBJECT IDENTIFIER of parts that fit into 32 bits, dotted. @throws Malformed */
export function identifierOf(element: BerElement | undefined): string {
  if (element?.tag !== tags.objectIdentifier || element.content.length === 0 || element.content.length > 64) throw new Malformed('no object identifier');
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of element.content) {
    arc = arc * 128 + (octet & 0x7f);
    if (arc > 0xffffffff) throw new Malformed('an object identifier with large parts');
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}
