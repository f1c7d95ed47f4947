import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import { formatIpAddress, formatIpRange, isInIpRange, parseIpAddress, parseIpRange } from '../../../../src/crypto/x509/ip-address.ts';
import { normalizeSubjectAltNames } from '../../../../src/crypto/x509/names.ts';
import { codeOf, syncOutcomeOf } from './builders.ts';

const normalize = normalizeSubjectAltNames;
const code = (fields: Parameters<typeof normalize>[0]) => codeOf(() => normalize(fields));

describe('DNS names', () => {
  it.each([
    ['WWW.Example.COM', 'www.example.com'],
    ['example.com.', 'example.com'],
    ['*.example.com', '*.example.com'],
    ['*.Bücher.example', '*.xn--bcher-kva.example'],
    ['faß.de', 'xn--fa-hia.de'],
    ['localhost', 'localhost'],
    ['_acme-challenge.my_service.svc', '_acme-challenge.my_service.svc'],
    ['1.example.com', '1.example.com'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  ])('%s becomes %s', (given, canonical) => {
    expect(normalize({ dnsNames: [given] }).dnsNames).toEqual([canonical]);
  });

  it.each([
    [''], ['.'], ['*'], ['*.'], ['a.*.example.com'], ['w*.example.com'], ['**.example.com'], ['a..b'], ['.a'], ['-a.example'], ['a-.example'],
    ['a b.example'], ['a@example.com'], ['a/b'], ['https://a.example'], ['a.example:443'], ['10.0.0.1'], ['0x7f.1'], ['a\0.example.com'], ['a\n.example'], ['ü\n.example'],
    ['ü%2eexample'], ['１２７.0.0.1'], ['ü/x.example'], ['a\u202e.example'], ['xn--ü.example'],
    [`${'a'.repeat(64)}.example`], [Array.from({ length: 128 }, () => 'a').join('.')],
  ])('%j is refused', async (name) => {
    expect(await code({ dnsNames: [name] })).toBe('InvalidSubjectAltName');
  });

  it('stand once, however often and however spelt they are given', () => {
    expect(normalize({ dnsNames: ['B.example', 'a.example', 'b.example.', 'A.EXAMPLE'] }).dnsNames).toEqual(['b.example', 'a.example']);
  });
});

describe('IP addresses', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8::0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::FFFF:c000:0201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s becomes %s (RFC 5952)', (given, canonical) => {
    expect(normalize({ ipAddresses: [given] }).ipAddresses).toEqual([canonical]);
  });

  it.each([[''], ['192.0.2'], ['192.0.2.01'], ['192.0.2.256'], ['0xC0000201'], ['192.0.2.1/24'], ['192.0.2.1:80'], ['[::1]'], ['fe80::1%eth0'], ['1::2::3'], [':::'], ['1:2:3:4:5:6:7:8:9'], ['example.com']])(
    '%j is refused',
    async (text) => {
      expect(await code({ ipAddresses: [text] })).toBe('InvalidSubjectAltName');
    },
  );

  it('are written as URLs write them, and come back the same', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const octets = parseIpAddress(text);
        if (octets === undefined) throw new Error(`${text} is an address`);
        const canonical = formatIpAddress(octets);
        expect(parseIpAddress(canonical)).toEqual(octets);
        // WHATWG URLs never use the dotted tail.
        const hex = canonical.replace(/^::ffff:(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => `::ffff:${(Number(parts[0]) * 256 + Number(parts[1])).toString(16)}:${(Number(parts[2]) * 256 + Number(parts[3])).toString(16)}`);
        expect(`[${hex}]`).toBe(new URL(`http://[${text}]`).hostname);
      }),
      { numRuns: 500 },
    );
    fc.assert(fc.property(fc.ipV4(), (text) => expect(formatIpAddress(parseIpAddress(text) ?? Buffer.alloc(0))).toBe(text)));
  });

  it('lie in ranges by their leading bits', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 32 }), fc.integer({ min: 0, max: 31 }), (octets, prefix, bit) => {
        const address = Buffer.from(octets);
        const range = parseIpRange(`${formatIpAddress(address)}/${prefix}`);
        if (range === undefined) throw new Error('is a range');
        expect(isInIpRange(address, range)).toBe(true);
        const flipped = Buffer.from(address);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (0x80 >> (bit & 7)), bit >> 3);
        expect(isInIpRange(flipped, range)).toBe(bit >= prefix);
      }),
    );
  });

  it.each([['10.0.0.1/33'], ['::/129'], ['10.0.0.0'], ['10.0.0.0/'], ['10.0.0.0/-1'], ['10.0.0.0/8/8'], ['/8'], ['10.0.0.0/255.0.0.0']])('%s is no range', (text) => {
    expect(parseIpRange(text)).toBeUndefined();
  });

  it('of the other family are in no range', () => {
    const all = parseIpRange('0.0.0.0/0');
    expect(all !== undefined && isInIpRange(parseIpAddress('::1') ?? Buffer.alloc(0), all)).toBe(false);
    expect(formatIpRange(parseIpRange('10.1.2.3/8') ?? { network: Buffer.alloc(4), prefixLength: 0 })).toBe('10.0.0.0/8');
  });
});

describe('URIs', () => {
  it.each([['spiffe://example.org/ns/a/sa/b'], ['spiffe://example.org'], ['https://example.com/a?b#c'], ['urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'], ['ldap://[2001:db8::7]/c=GB?one']])('%s stays as it is', (uri) => {
    expect(normalize({ uris: [uri] }).uris).toEqual([uri]);
  });

  it.each([
    ['/relative'], ['example.com'], ['https://exa mple.com'], ['https://bücher.example'], ['https://'], ['1http://a'], ['http://a\n'], ['http://[::1'],
    ['spiffe://'], ['spiffe://Example.org/a'], ['spiffe://example.org:80/a'], ['spiffe://user@example.org/a'], ['spiffe://example.org/a/'], ['spiffe://example.org//a'],
    ['spiffe://example.org/a/../b'], ['spiffe://example.org/a?b'], ['spiffe://example.org/a%20b'], ['SPIFFE://example.org/a'], ['spiffe:example.org'],
    [`https://example.com/${'a'.repeat(2048)}`],
  ])('%j is refused', async (uri) => {
    expect(await code({ uris: [uri] })).toBe('InvalidSubjectAltName');
  });
});

describe('other kinds', () => {
  it('keep the local part of a mailbox and lower its domain', () => {
    expect(normalize({ emailAddresses: ['Jane.Doe+x@Example.COM'] }).emailAddresses).toEqual(['Jane.Doe+x@example.com']);
  });

  it.each([['a'], ['@example.com'], ['a@'], ['a b@example.com'], ['"a b"@example.com'], ['ä@example.com'], ['a@*.example.com'], ['a..b@example.com'], ['a@b@c d'], ['a@[192.0.2.1]'], [`${'a'.repeat(65)}@b.c`], ['a\r\n@b.c']])(
    'refuse the mailbox %j',
    async (address) => {
      expect(await code({ emailAddresses: [address] })).toBe('InvalidSubjectAltName');
    },
  );

  it.each([
    [{ oid: '1.2', utf8Value: '' }],
    [{ oid: '1', utf8Value: 'a' }],
    [{ oid: '1.2.x', utf8Value: 'a' }],
    [{ oid: '3.2', utf8Value: 'a' }],
    [{ oid: '1.2.3', utf8Value: 'a\0b' }],
    [{ oid: '1.2.3', utf8Value: '\udc00' }],
  ])('refuse the other name %j', async (name) => {
    expect(await code({ otherNames: [name] })).toBe('InvalidSubjectAltName');
  });
});

describe('all together', () => {
  it('are limited in number and in size, so that what is issued can be read back', async () => {
    expect(await code({ dnsNames: Array.from({ length: 301 }, (_, index) => `n${index}.example`) })).toBe('InvalidSubjectAltName');
    expect(await code({ uris: Array.from({ length: 20 }, (_, index) => `https://example.com/${index}/${'a'.repeat(1500)}`) })).toBe('InvalidSubjectAltName');
  });

  it('are canonical after one pass, or refused with a reason, whatever is given', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.domain(), fc.emailAddress(), fc.webUrl(), fc.ipV6(), fc.string({ unit: fc.constantFrom(...Array.from('a*.-_@:/[]%0 ')), maxLength: 20 }));
    const fields = fc.record({ dnsNames: fc.array(text, { maxLength: 1 }), ipAddresses: fc.array(text, { maxLength: 1 }), uris: fc.array(text, { maxLength: 1 }), emailAddresses: fc.array(text, { maxLength: 1 }) });
    fc.assert(
      fc.property(fields, (given) => {
        const once = syncOutcomeOf(() => normalize(given));
        if (once instanceof KeysteadError) return;
        expect(normalize(once)).toEqual(once);
      }),
      { numRuns: 1000 },
    );
  });
});
