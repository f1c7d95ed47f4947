const NEWLINE = 0x0a;
/** Far above etcd's limit for an object; a line without an end must not eat the memory. */
const LONGEST_LINE = 32 * 1024 * 1024;

/**
 * Splits a byte stream at newlines. Chunks may end anywhere, in the middle of a UTF-8 sequence too: bytes become text
 * only once a line is whole. An unfinished last line is dropped, for half an event is none.
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let rest: Uint8Array[] = [];
  let restLength = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      rest.push(chunk.subarray(start, end));
      const line = rest.length === 1 ? text(chunk.subarray(start, end)) : text(Buffer.concat(rest));
      rest = [];
      restLength = 0;
      start = end + 1;
      if (line !== '') {
        yield line;
      }
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      restLength += chunk.length - start;
    }
    if (restLength > LONGEST_LINE) {
      throw new RangeError(`A line of more than ${LONGEST_LINE} bytes`);
    }
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
