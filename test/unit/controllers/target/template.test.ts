import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import { filters } from '../../../../src/controllers/target/filters.ts';
import { Templates, type TemplateLimits, templateLimits } from '../../../../src/controllers/target/template.ts';

const canary = 'canary-7Q9zkW3x';
const fields = new Map([
  ['password', Buffer.from(canary)],
  ['user', Buffer.from('ann')],
  ['tls.crt', Buffer.from('-----BEGIN\nline\n-----END')],
  ['doc', Buffer.from(`{"host":"db","ports":[5432,5433],"__proto__":{"x":1},"secret":"${canary}"}`)],
  ['big', Buffer.from('x'.repeat(25_000))],
  ['binary', Buffer.from([0xff, 0xfe, 0x00])],
]);

function rendered(template: string, limits?: TemplateLimits): string {
  return new Templates(fields, limits).render('data["k"]', template);
}

/** Anything but a KeysteadError is passed on, and fails the test. */
function failureOrNone(template: string, limits?: TemplateLimits): KeysteadError | undefined {
  try {
    rendered(template, limits);
    return undefined;
  } catch (error) {
    if (error instanceof KeysteadError) return error;
    throw error;
  }
}

function failure(template: string, limits?: TemplateLimits): KeysteadError {
  const error = failureOrNone(template, limits);
  if (error === undefined) throw new Error(`rendered: ${template.slice(0, 100)}`);
  return error;
}

describe('templates', () => {
  it.each([
    ['{{ user }}:{{ password }}', `ann:${canary}`],
    ['{{ fields["tls.crt"] | indent: 2 }}', '-----BEGIN\n  line\n  -----END'],
    ['{% assign d = doc | from_json %}{{ d.host }}:{{ d.ports | join: "," }}', 'db:5432,5433'],
    ['{% assign d = doc | from_json %}{% for p in d.ports %}[{{ p }}]{% endfor %}{{ d.ports | first }}{{ d.ports | last }}{{ d.ports | size }}', '[5432][5433]543254332'],
    ['{{ port | default: "5432" }}', '5432'],
    ['{% if port %}a{% else %}b{% endif %}{% unless port %}c{% endunless %}', 'bc'],
    ['{% case user %}{% when "bob" %}1{% when "ann" %}2{% endcase %}', '2'],
    ['{% capture both %}{{ user }}!{% endcapture %}{{ both | upcase | append: "?" | prepend: ">" }}', '>ANN!?'],
    ['{{ user | b64enc }} {{ "YW5u" | b64dec }} {{ user | json }} {{ "a b&c" | url_encode }}', 'YW5u ann "ann" a%20b%26c'],
    ['{{ " a " | strip }}{{ " a" | lstrip }}{{ "a " | rstrip }}{{ "A" | downcase }}', 'aaaa'],
    ['{{ "a-b-a" | replace: "a", "$&" }} {{ "a-b" | remove: "-" }} {{ "a,b" | split: "," | join: "+" }}', '$&-b-$& ab a+b'],
    ['{% raw %}{{ user }}{% endraw %}{% comment %}x{% endcomment %}', '{{ user }}'],
    ['{{ user | sha256 }}', '49915e0d7d4b402e3017d010bc1c0e83cac6c797d6c16e66340fe3268693a6a1'],
  ] as [string, string][])('%s', (template, expected) => {
    expect(rendered(template)).toBe(expected);
  });

  it('has exactly the filters that were thought about', () => {
    expect(Object.keys(filters).toSorted()).toEqual([
      'append', 'b64dec', 'b64enc', 'default', 'downcase', 'first', 'from_json', 'indent', 'join', 'json', 'last', 'lstrip', 'prepend', 'remove', 'replace',
      'rstrip', 'sha256', 'size', 'split', 'strip', 'strip_newlines', 'upcase', 'url_encode',
    ]);
  });
});

describe('what templates cannot reach', () => {
  it.each([
    // CVE-like: sprig's env (sealed-secrets #1703) and getSecretKey (GHSA-77v3-r3jw-j2v2): no filter or function beyond the list.
    '{{ "PATH" | env }}', '{{ "HOME" | expandenv }}', '{{ "x" | getSecretKey }}', '{{ "now" | date: "%s" }}', '{{ user | where: "x" }}', '{{ user | hmac_sha256: "k" }}', '{{ fields | inspect }}',
    // No other template, file or layout.
    '{% include "/etc/passwd" %}', '{% render "/etc/passwd" %}', '{% layout "/etc/passwd" %}', '{% block x %}{% endblock %}', '{% liquid\ninclude "x"\n%}', '{% tablerow i in (1..2) %}{% endtablerow %}', '{% increment x %}',
    // Nothing of JavaScript behind the values.
    '{{ password.constructor }}', '{{ fields.constructor }}', '{{ fields["constructor"]["constructor"] }}', '{{ fields.__proto__ }}', '{{ __proto__ }}', '{{ constructor }}', '{{ toString }}', '{{ hasOwnProperty }}',
    '{{ fields.first.constructor }}', '{% assign d = doc | from_json %}{{ d.constructor }}', '{% assign d = doc | from_json %}{{ d.ports.constructor }}', '{{ process.env.PATH }}', '{{ globalThis }}', '{{ require }}',
    // Errors of the template itself.
    '{{ nope }}', '{{ fields.nope }}', '{{ user | nope }}', '{% nope %}', '{% if user %}', '{{ user', '{{ fields }}', '{{ binary }}', '{{ password | from_json }}', '{{ password | b64dec }}', '{{ user | join: "," }}', '{{ user | indent: 1000000 }}', '{{ user | split: "" }}',
  ])('%s', (template) => {
    const error = failure(template);
    expect(error).toMatchObject({ code: 'TemplateInvalid', consequence: 'stalled' });
    expect(error.message).toContain('data["k"]');
    expect(error.message).not.toContain(canary);
  });

  it('reads an own key named __proto__ of JSON as data, and nothing is changed by it', () => {
    expect(rendered('{% assign d = doc | from_json %}{{ d.__proto__.x }}')).toBe('1');
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('names binary fields that a template asks for', () => {
    expect(failure('{{ binary }}').message).toContain('is not UTF-8 text');
    expect(failure('{{ fields.binary }}').message).toContain('is not UTF-8 text');
  });

  it('keeps templates of two Secrets apart', () => {
    expect(rendered('{% assign leak = password %}{{ leak }}')).toBe(canary);
    expect(failure('{{ leak }}').code).toBe('TemplateInvalid');
  });

  it('keeps templates of one Secret apart, too', () => {
    const templates = new Templates(fields);
    templates.render('a', '{% assign x = 1 %}{% capture y %}z{% endcapture %}');
    expect(() => templates.render('b', '{{ x }}')).toThrow('there is no field x');
    expect(() => templates.render('b', '{{ y }}')).toThrow('there is no field y');
  });
});

describe('templates that take too much', () => {
  const loop = (depth: number, body: string): string => '{% for i in (1..1000) %}'.repeat(depth) + body + '{% endfor %}'.repeat(depth);
  it.each([
    ['a huge range', '{% for i in (1..100000000) %}{% endfor %}'],
    ['loops in loops that print a value', loop(3, '{{ big }}')],
    ['loops in loops that print text', loop(3, 'y'.repeat(10_000))],
    ['loops in loops that fill a variable', `{% capture a %}${loop(3, '{{ big }}')}{% endcapture %}{{ a | size }}`],
    ['a value that doubles', `{% assign a = "x" %}{% for i in (1..99) %}{% assign a = a | append: a %}{% endfor %}`],
    ['a value that is replaced by a larger one', '{% for i in (1..9) %}{% assign big = big | replace: "x", "xxxxxxxxxx" %}{% endfor %}'],
    ['a list with large separators', '{% assign l = big | split: "x" %}{{ l | join: big }}'],
    ['tags that are nested too deeply', '{% if true %}'.repeat(5_000)],
    ['expressions that are nested too deeply', `{{ a${'[a'.repeat(15_000)}${']'.repeat(15_000)} }}`],
    ['more text than templates may have', 'x'.repeat(70_000)],
  ])('%s', (_what, template) => {
    // Without the limit of time, which a busy machine reaches first.
    expect(failure(template, { ...templateLimits, milliseconds: 60_000 })).toMatchObject({ code: 'TemplateLimitExceeded', consequence: 'stalled' });
  });

  it('stops loops that do nothing, and tries again later: the machine may have been slow', () => {
    const limits = { source: 65_536, milliseconds: 20, units: 4 * 1024 ** 2 };
    const started = performance.now();
    expect(failure(loop(3, ''), limits)).toMatchObject({ code: 'TemplateLimitExceeded', consequence: 'wait' });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('shares one allowance among all templates of a Secret', () => {
    const templates = new Templates(fields, { source: 100, milliseconds: 1_000, units: 1_000 });
    templates.render('a', 'x'.repeat(60));
    expect(() => templates.render('b', 'x'.repeat(60))).toThrow('all templates together');
    const others = new Templates(fields, { source: 1_000, milliseconds: 1_000, units: 100 });
    others.render('a', '{{ password }}'.repeat(4));
    expect(() => others.render('b', '{{ password }}'.repeat(4))).toThrow('makes more than 100');
  });

  it('refuses JSON that is nested too deeply, in both directions', () => {
    const deep = new Map([['deep', Buffer.from('['.repeat(5_000) + ']'.repeat(5_000))]]);
    expect(() => new Templates(deep).render('a', '{{ deep | from_json | json }}')).toThrow(KeysteadError);
  });
});

describe('any template at all', () => {
  const piece = fc.oneof(
    fc.constantFrom('{{', '}}', '{%', '%}', '{%-', '-%}', '|', '"', "'", '[', ']', '(1..', ')', '.', ':', ',', ' ', '\n', 'password', 'fields', 'doc', 'constructor', '__proto__'),
    fc.constantFrom('assign x = ', 'for i in ', 'endfor', 'if ', 'endif', 'else', 'case ', 'when ', 'endcase', 'capture x', 'endcapture', 'raw', 'endraw', 'break', 'include ', ' and ', ' contains ', ' == '),
    fc.constantFrom(...Object.keys(filters).map((name) => `| ${name}: password`)),
    fc.string({ maxLength: 6 }),
  );

  it('renders or says why, in time, and never quotes a value in an error', () => {
    const limits = { source: 65_536, milliseconds: 50, units: 100_000 };
    fc.assert(fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
      const error = failureOrNone(pieces.join(''), limits);
      expect(['TemplateInvalid', 'TemplateLimitExceeded', undefined]).toContain(error?.code);
      expect(error?.message ?? '').not.toContain(canary);
    }), { numRuns: 1_500 });
  });
});
