import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import { attributeTypes } from '../../../../src/crypto/x509/attributes.ts';
import { formatDistinguishedName, parseDistinguishedName } from '../../../../src/crypto/x509/distinguished-name.ts';
import { checkSubject, subjectFromFields, subjectOf } from '../../../../src/crypto/x509/subject.ts';
import { codeOf, syncOutcomeOf } from './builders.ts';

const [CN, OU, DC, UID] = ['2.5.4.3', '2.5.4.11', '0.9.2342.19200300.100.1.25', '0.9.2342.19200300.100.1.1'];

describe('the examples of RFC 4514 §4', () => {
  const net = [[{ oid: DC, value: 'net' }], [{ oid: DC, value: 'example' }]];
  it.each([
    ['UID=jsmith,DC=example,DC=net', [...net, [{ oid: UID, value: 'jsmith' }]]],
    ['OU=Sales+CN=J.  Smith,DC=example,DC=net', [...net, [{ oid: OU, value: 'Sales' }, { oid: CN, value: 'J.  Smith' }]]],
    [String.raw`CN=James \"Jim\" Smith\, III,DC=example,DC=net`, [...net, [{ oid: CN, value: 'James "Jim" Smith, III' }]]],
    [String.raw`CN=Before\0dAfter,DC=example,DC=net`, [...net, [{ oid: CN, value: 'Before\rAfter' }]]],
    [String.raw`CN=Lučić`, [[{ oid: CN, value: 'Lučić' }]]],
  ])('%s', (text, name) => {
    expect(parseDistinguishedName(text)).toEqual(name);
    expect(formatDistinguishedName(name)).toBe(text);
  });

  it('reads escaped UTF-8', () => {
    expect(parseDistinguishedName(String.raw`CN=Lu\C4\8Di\C4\87`)).toEqual([[{ oid: CN, value: 'Lučić' }]]);
  });

  it('reads and writes values of types without a name in hex', () => {
    const name = [[{ oid: '1.3.6.1.4.1.1466.0', value: 'Hi' }]];
    expect(formatDistinguishedName(name)).toBe('1.3.6.1.4.1.1466.0=#0c024869');
    expect(parseDistinguishedName('1.3.6.1.4.1.1466.0=#0C024869')).toEqual(name);
    expect(parseDistinguishedName('1.3.6.1.4.1.1466.0=#13024869')).toEqual(name);
    expect(parseDistinguishedName('oid.1.3.6.1.4.1.1466.0=Hi')).toEqual(name);
  });
});

describe('reading', () => {
  it.each([
    ['spaces round separators', 'CN = a , OU= b', 'CN=a,OU=b'],
    ['other spellings of types', 'commonname=a,s=b,e=c@d', 'CN=a,ST=b,emailAddress=c@d'],
    ['an escaped space at the end, not the padding after it', String.raw`CN=a\   `, String.raw`CN=a\ `],
    ['an equals sign in a value', 'CN=a=b', 'CN=a=b'],
    ['a value that begins with #', String.raw`CN=\#1`, String.raw`CN=\#1`],
    ['nothing', '  ', ''],
  ])('takes %s', (_, text, canonical) => {
    expect(formatDistinguishedName(parseDistinguishedName(text))).toBe(canonical);
  });

  it.each([
    ['CN'],
    ['CN=a,'],
    ['CN=a,,OU=b'],
    ['=a'],
    ['FOO=a'],
    ['1.2.03=a'],
    ['3.1=a'],
    ['1.40=a'],
    ['CN="a, b"'],
    ['CN=a<b'],
    ['CN=a;OU=b'],
    ['CN=a\0'],
    [String.raw`CN=\x`],
    ['CN=a\\'],
    [String.raw`CN=\ff`],
    ['CN=#0c05ab'],
    ['CN=#zz'],
    ['CN=#'],
    ['CN=#04024869'],
    ['CN=\ud800'],
    [`CN=${'a'.repeat(4096)}`],
    [Array.from({ length: 51 }, () => 'CN=a').join('+')],
  ])('refuses %j', async (text) => {
    expect(await codeOf(() => parseDistinguishedName(text))).toBe('InvalidSubject');
  });
});

describe('every name', () => {
  const oids = fc.oneof(fc.constantFrom(...attributeTypes.map((type) => type.oid)), fc.constantFrom('1.2.3.4', '2.999.1', '2.25.329800735698586629295641978511506172918', '0.39'));
  const attribute = fc.record({ oid: oids, value: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((value) => value.isWellFormed()) });
  const name = fc.array(fc.array(attribute, { minLength: 1, maxLength: 3 }), { maxLength: 6 });
  const awkward = fc.string({ unit: fc.constantFrom(...Array.from(' #,+"\\<>;=\0\n\u202eaé😀')), minLength: 1, maxLength: 12 });

  it('survives being written and read', () => {
    fc.assert(fc.property(name, (given) => expect(parseDistinguishedName(formatDistinguishedName(given))).toEqual(given)));
    fc.assert(fc.property(awkward, (value) => expect(parseDistinguishedName(formatDistinguishedName([[{ oid: CN, value }]]))).toEqual([[{ oid: CN, value }]])));
  });

  it('is written in one line without characters that move the cursor or turn the direction', () => {
    fc.assert(fc.property(awkward, (value) => expect(formatDistinguishedName([[{ oid: CN, value }]])).not.toMatch(/[\0\n\u202e]/)));
  });

  it('or is refused with a reason; nothing else happens, whatever the text', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: fc.constantFrom(...Array.from('CN=OU,+\\#0c12 "ff')), maxLength: 100 }));
    fc.assert(
      fc.property(text, (given) => {
        const parsed = syncOutcomeOf(() => parseDistinguishedName(given));
        if (parsed instanceof KeysteadError) return;
        expect(parseDistinguishedName(formatDistinguishedName(parsed))).toEqual(parsed);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('subjects of requests', () => {
  it('come from fields in the order that cert-manager writes, each value by itself', () => {
    const fields = { commonName: 'cn', serialNumber: '7', countries: ['DE', 'FR'], organizations: ['o'], organizationalUnits: ['u'], localities: ['l'], provinces: ['p'], streetAddresses: ['s'], postalCodes: ['1'] };
    expect(formatDistinguishedName(subjectFromFields(fields))).toBe('serialNumber=7,CN=cn,postalCode=1,STREET=s,ST=p,L=l,OU=u,O=o,C=FR,C=DE');
  });

  it.each([
    ['both forms at once', { commonName: 'a' }, 'CN=a', /exclude each other/],
    ['a CN of 65 characters', { commonName: 'a'.repeat(65) }, undefined, /longer than 64/],
    ['a country in three letters', { countries: ['DEU'] }, undefined, /two letters|longer than 2/],
    ['a country with digits', { countries: ['D1'] }, undefined, /two letters/],
    ['a line end', { commonName: 'a\nb' }, undefined, /control characters/],
    ['half a surrogate pair', { commonName: '\ud83d' }, undefined, /well-formed/],
    ['an empty value', { organizations: [''] }, undefined, /empty/],
    ['an underscore in a serial number', { serialNumber: 'a_b' }, undefined, /PrintableString/],
    ['an umlaut in a domain component', undefined, 'DC=bücher', /ASCII/],
    ['the same twice in one part', undefined, 'CN=a+CN=a', /twice/],
  ])('are refused with %s', (_, fields, literal, message) => {
    expect(() => subjectOf(fields, literal)).toThrow(message);
  });

  it('count characters, not UTF-16 units', () => {
    expect(subjectOf({ commonName: '😀'.repeat(64) }, undefined)).toHaveLength(1);
  });

  it('may be empty', () => {
    expect(checkSubject(subjectOf(undefined, ''))).toEqual([]);
  });
});
