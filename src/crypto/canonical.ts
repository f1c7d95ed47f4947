/**
 * The one encoding of everything that is bound by a key: additional data, HKDF info, MAC inputs (decisions 54).
 *
 * Each part is written as a 4-byte big-endian length and its bytes, after a 4-byte count of the parts, so no two
 * different lists of parts give the same bytes. Test vectors: test/fixtures/canonical.json.
 */
export function canonical(parts: readonly (string | Buffer)[]): Buffer {
  const encoded = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part));
  const out = Buffer.allocUnsafe(encoded.reduce((sum, part) => sum + 4 + part.length, 4));
  let offset = out.writeUInt32BE(encoded.length, 0);
  for (const part of encoded) {
    offset = out.writeUInt32BE(part.length, offset);
    offset += part.copy(out, offset);
  }
  return out;
}

/** Object names compare without case (Key Vault); this is the only place that folds them. ASCII only, by schema. */
export function canonicalName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
