import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { UsageError } from '../../../src/cli/args.ts';
import { readDump } from '../../../src/cli/records/dump.ts';
import { run } from '../../../src/cli/records.ts';
import { testIo } from './io.ts';

/** A dump of a real operator, with the root key in it; see `about` in the file. */
interface Item {
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> };
  readonly type: string;
  readonly data: Record<string, string>;
}
const sample = JSON.parse(readFileSync(new URL('../../fixtures/records-format-1.json', import.meta.url), 'utf8')) as {
  readonly dump: { readonly items: readonly Item[] };
  readonly expected: readonly { readonly vault: string; readonly name: string; readonly versions: readonly { readonly id: string; readonly fields: Record<string, string> }[] }[];
};
const items = sample.dump.items;
const withoutRootKey = items.filter(({ type }) => type !== 'keystead.dev/root-key');

const folder = mkdtempSync(join(tmpdir(), 'keystead-records-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(content: string | Buffer): string {
  files += 1;
  const path = join(folder, `file-${files}`);
  writeFileSync(path, content);
  return path;
}
const dumpFile = (secrets: readonly Item[]): string => file(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: secrets }));

async function records(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = testIo();
  const code = await run(args, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

const named = (pick: (item: Item) => boolean): Item => {
  const found = items.find(pick);
  if (found === undefined) throw new Error('the sample has no such record');
  return found;
};
const kindIs = (kind: string) => (item: Item): boolean => item.metadata.labels?.['keystead.dev/record'] === kind;
const body = (item: Item): string => Buffer.from(item.data['record'] ?? '', 'base64').toString();
const withBody = (item: Item, text: string): Item => ({ ...item, data: { record: Buffer.from(text).toString('base64') } });
const replaced = (what: Item, by: Item): Item[] => items.map((item) => (item === what ? by : item));
const archived = named((item) => kindIs('object')(item) && body(item).includes('\\"archives\\":[{'));
const archiveName = /a-[0-9a-f]{40}/.exec(body(archived))?.[0] ?? '';
const bulk = sample.expected.find(({ name }) => name === 'bulk');

describe('keystead records verify', () => {
  it('opens every version of every record, and says what each record is', async () => {
    const { code, out } = await records('verify', '--dump', dumpFile(items));
    expect(out).toBe(`ok        checkpoint   audit-checkpoints                          1 writer
ok        installation installation                               the root key is the one of this installation
ok        object       o-4bd01ca206d5b8c9655ad8b6102378266d389137 orchard/app login, 1 version
ok        object       o-4ef01363bde8e37d4955e8c4d7ccb64bc5b334da orchard/app ca, 2 versions
ok        object       o-5752ef438760d37412e02162ede7c34c3598732a orchard/app web, 1 version
ok        object       o-61513d2f72e2d5df9a15d696ecda66f68b7f98f5 orchard/app DB-Password, 1 version
ok        object       o-cae05faa7f9d75abe8a5951861c03dd0da19b43b orchard/gone gone, 1 version
ok        object       o-d40e367b6964adf12ade5135cf27991e9942412d orchard/app bulk, 2 versions in 1 archive and here
ok        vault        v-76df9f6a8d905289feb33dcc96beda5e2f80bc3c vault orchard/gone, 1 key, deleted
ok        vault        v-e7730e6491e418c19434512de9ac29f551f169d4 vault orchard/app, 2 keys
unlisted  archive      a-22b13be03c006b83b23d84694b4e85eb6052a22f no record lists it; the operator removes it in time
ok        archive      a-4f249c9d35b6c37ffa894739e7d6661fe348f69e older versions
12 findings: 11 ok, 0 tampered, 0 missing, 1 unlisted
`);
    expect(code).toBe(0);
  });

  it('takes the root key from a file: manifest, base64 or raw', async () => {
    const root = named(({ type }) => type === 'keystead.dev/root-key');
    const base64 = root.data['root-key'] ?? '';
    for (const content of [stringify(root), JSON.stringify({ kind: 'List', items: [root] }), `${base64}\n`, Buffer.from(base64, 'base64')]) {
      const { code, out } = await records('verify', '--quiet', '--dump', file(stringify({ kind: 'SecretList', items: withoutRootKey })), '--root-key', file(content));
      expect(out).toContain('12 findings: 11 ok, 0 tampered, 0 missing, 1 unlisted');
      expect(code).toBe(0);
    }
  });

  it('reads YAML documents one after the other', () => {
    const text = items.map((item) => stringify({ apiVersion: 'v1', kind: 'Secret', ...item })).join('---\n');
    expect(readDump(text, 'f').records).toHaveLength(12);
    expect(readDump(text, 'f').rootKey).toHaveLength(32);
  });

  it.each<[string, () => Item[], string[]]>([
    ['a changed blob', () => replaced(archived, withBody(archived, body(archived).replace(/"wrapped\\":\\"./, (start) => `${start.slice(0, -1)}${start.endsWith('A') ? 'B' : 'A'}`))), ['tampered  object']],
    ['a changed head', () => replaced(archived, withBody(archived, body(archived).replace('\\"enabled\\":true', '\\"enabled\\":false'))), ['tampered  object']],
    ['a record that is no JSON', () => replaced(archived, withBody(archived, '{')), ['tampered  object']],
    ['a record in the place of another', () => {
      const [one, two] = items.filter(kindIs('object'));
      return one === undefined || two === undefined ? [] : replaced(one, withBody(one, body(two)));
    }, ['tampered  object']],
    ['a vault in the place of another', () => {
      const [one, two] = items.filter(kindIs('vault'));
      return one === undefined || two === undefined ? [] : replaced(one, withBody(one, body(two)));
    }, ['tampered  vault']],
    ['a changed archive', () => {
      const archive = named(({ metadata }) => metadata.name === archiveName);
      return replaced(archive, withBody(archive, body(archive).replace('"blobs":{', '"blobs":{"x":"y",')));
    }, ['tampered  object', 'tampered  archive']],
    ['changed checkpoints', () => {
      const checkpoints = named(kindIs('checkpoint'));
      return replaced(checkpoints, withBody(checkpoints, body(checkpoints).replace(/"seq":\d+/, '"seq":1')));
    }, ['tampered  checkpoint']],
    ['a missing archive', () => items.filter(({ metadata }) => metadata.name !== archiveName), [`missing   object       ${archived.metadata.name} orchard/app bulk: archive ${archiveName} with 1 version is not in the dump`]],
    ['a missing vault', () => items.filter((item) => !(kindIs('vault')(item) && body(item).includes('\\"name\\":\\"gone\\"'))), ['missing   object']],
    ['a missing installation', () => items.filter((item) => !kindIs('installation')(item)), ['missing   installation']],
  ])('finds %s, ends with 1 and still checks the rest', async (_what, secrets, lines) => {
    const { code, out } = await records('verify', '--quiet', '--dump', dumpFile(secrets()));
    for (const line of lines) expect(out).toContain(line);
    expect(code).toBe(1);
    expect(Number(/(\d+) ok/.exec(out)?.[1])).toBeGreaterThan(5);
  });

  it('finds every flipped bit of a record', async () => {
    const bytes = Buffer.from(archived.data['record'] ?? '', 'base64');
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const { code } = await records('verify', '--quiet', '--dump', dumpFile(replaced(archived, { ...archived, data: { record: changed.toString('base64') } })));
        expect(code).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  it('says that it needs the root key, and refuses another one', async () => {
    await expect(records('verify', '--dump', dumpFile(withoutRootKey))).rejects.toThrow('does not hold the root key (Secret keystead-root-key), without which nothing opens. Give it by --root-key FILE.');
    await expect(records('verify', '--dump', dumpFile(items), '--root-key', file(Buffer.alloc(32, 1)))).rejects.toMatchObject({ code: 'RootKeyMismatch' });
  });
});

describe('keystead records decrypt', () => {
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

  it('gives one value exactly as it was put in', async () => {
    const { code, out } = await records('decrypt', '--dump', dumpFile(items), '--vault', 'orchard/app', '--object', 'db-PASSWORD');
    const password = sample.expected.find(({ name }) => name === 'DB-Password')?.versions[0];
    expect(digest(Buffer.from(out))).toBe(password?.fields['value']);
    expect(code).toBe(0);
  });

  it('gives a field of an older version from an archive', async () => {
    const version = bulk?.versions.at(-1);
    const { out } = await records('decrypt', '--dump', dumpFile(items), '--vault', 'orchard/app', '--object', 'bulk', '--version', version?.id ?? '', '--field', 'text');
    expect(digest(Buffer.from(out))).toBe(version?.fields['text']);
  });

  it('writes everything to files that only their owner reads, soft-deleted objects and vaults too', async () => {
    const directory = join(folder, 'all');
    const { code, out } = await records('decrypt', '--all', '--output-dir', directory, '--dump', dumpFile(items));
    expect(out).toBe(`8 versions written to ${directory}, 0 could not be opened\n`);
    expect(code).toBe(0);
    for (const { vault, name, versions } of sample.expected) {
      for (const { id, fields } of versions) {
        for (const [field, hash] of Object.entries(fields)) {
          const path = join(directory, vault, name, id, field);
          expect(digest(readFileSync(path))).toBe(hash);
          expect(statSync(path).mode & 0o777).toBe(0o600);
        }
        expect(statSync(join(directory, vault, name, id)).mode & 0o777).toBe(0o700);
      }
    }
    await expect(records('decrypt', '--all', '--output-dir', directory, '--dump', dumpFile(items))).rejects.toThrow('Name a folder that does not exist yet');
  });

  it('saves what can be saved: what is left of an object without its archive, and all the others', async () => {
    const directory = join(folder, 'saved');
    const { code, out, err } = await records('decrypt', '--all', '--output-dir', directory, '--dump', dumpFile(items.filter(({ metadata }) => metadata.name !== archiveName)));
    expect(out).toContain('7 versions written');
    expect(err).toContain(`Archive ${archiveName}`);
    expect(code).toBe(1);
    expect(existsSync(join(directory, 'orchard/app/bulk', bulk?.versions[0]?.id ?? '', 'text'))).toBe(true);
  });

  it('writes nothing that was tampered with, and nothing outside of its folder', async () => {
    const forged = body(archived).replaceAll('\\"name\\":\\"bulk\\"', '\\"name\\":\\"../../../../forged\\"');
    const directory = join(folder, 'forged');
    const { code, err } = await records('decrypt', '--all', '--output-dir', directory, '--dump', dumpFile(replaced(archived, withBody(archived, forged))));
    expect(code).toBe(1);
    expect(err).toContain('lies under another name than its content gives');
    expect(readdirSync(join(directory, 'orchard/app')).toSorted()).toEqual(['DB-Password', 'ca', 'login', 'web']);
  });

  it.each([
    [['--vault', 'orchard/app', '--object', 'nothing'], 'has no object nothing in this dump'],
    [['--vault', 'orchard/none', '--object', 'x'], 'It has orchard/gone, orchard/app'],
    [['--vault', 'orchard/app', '--object', 'bulk'], 'name one by --field. They are false, n, text'],
    [['--vault', 'orchard/app', '--object', 'bulk', '--field', 'x'], 'has no field x. It has false, n, text'],
    [['--vault', 'orchard/app', '--object', 'bulk', '--version', 'x'], 'has no version x. It has e020d6a0182e21ef0cbc36eac9c30fd1'],
    [['--vault', 'orchard', '--object', 'bulk'], '--vault is written NAMESPACE/NAME'],
    [['--vault', 'orchard/app'], 'needs --object NAME'],
    [['--all'], 'needs --output-dir DIR with --all'],
    [[], 'needs --vault NAMESPACE/NAME, or --all'],
  ])('%j is answered with what to do', async (args, message) => {
    const asked = records('decrypt', '--dump', dumpFile(items), ...args);
    await expect(asked).rejects.toBeInstanceOf(UsageError);
    await expect(asked).rejects.toThrow(message);
  });
});

describe('a file that is no dump', () => {
  it.each([
    ['', 'holds no record of Keystead. Make it by: kubectl get secrets'],
    ['{"items":[', 'is neither YAML nor JSON'],
    ['a: [', 'is neither YAML nor JSON'],
    ['kind: Secret\nmetadata: {name: 5}\n', 'holds something that is no Secret (metadata.name)'],
  ])('%j is refused without quoting it', (text, message) => {
    expect(() => readDump(text, 'dump.yaml')).toThrow(message);
  });

  it('never makes anything but a refusal, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.json().map((json) => `{"items":[${json}]}`)), (text) => {
        expect(() => readDump(text, 'f')).toThrow(UsageError);
      }),
    );
  });

  it('is told from a dump that holds a record twice', async () => {
    await expect(records('verify', '--dump', dumpFile([...items, archived]))).rejects.toThrow('twice');
  });
});
