import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { defaultGuardParameters } from '../../../src/access/guards/guard.ts';
import { guards } from '../../../src/access/guards/guards.ts';
import { reasons } from '../../../src/api/reasons.ts';
import { filters } from '../../../src/controllers/target/filters.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { predefinedRoles } from '../../../src/operator/predefined-roles.ts';
import { anchorsOf, readPage, root, writtenPages, type Page } from './markdown.ts';

const pages = writtenPages();
const guardNames = guards(defaultGuardParameters).map(({ policy }) => policy.metadata.name);

/** Everything that a page says, with where, that `pattern` finds and `exists` does not know. */
function unknown(pattern: RegExp, exists: (found: string) => boolean, of: readonly Page[] = pages): readonly string[] {
  return of.flatMap(({ path, text }) => [...text.matchAll(pattern)].flatMap(([whole, part]) => (exists(part ?? whole) ? [] : [`${path}: ${part ?? whole}`])));
}

function sourceText(folder: string): string {
  const files = (readdirSync(join(root, folder), { recursive: true }) as string[]).filter((file) => file.endsWith('.ts'));
  return files.map((file) => readFileSync(join(root, folder, file), 'utf8')).join('\n');
}

describe('links', () => {
  it('lead to files and headings that are there', () => {
    const broken = pages.flatMap((page) =>
      [...page.prose.matchAll(/\]\(([^)]+)\)/g)].flatMap(([, link = '']) => {
        if (link.startsWith('https://')) return [];
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? page.path : join(dirname(page.path), file);
        if (!existsSync(join(root, target))) return [`${page.path}: ${link}`];
        return anchor === undefined || anchorsOf(readPage(target)).has(anchor) ? [] : [`${page.path}: ${link}`];
      }));
    expect(broken).toEqual([]);
  });

  it('lead from the index to every page', () => {
    const index = readPage('docs/README.md').text;
    const all = (readdirSync(join(root, 'docs'), { recursive: true }) as string[]).filter((path) => path.endsWith('.md') && path !== 'README.md');
    expect(all.filter((path) => !index.includes(`(${path}`))).toEqual([]);
  });
});

describe('what the pages speak of is there', () => {
  it('reasons', () => {
    const conditions = ['Ready', 'Stalled', 'SigningNeeded', 'RootKeyInCluster', 'GuardMissing', 'ClockUntrusted', 'PurgeRefused'];
    const rows = readPage('docs/guides/troubleshooting.md').prose.split('\n').filter((line) => line.startsWith('| `'));
    const named = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([A-Z]\w+)`/g)].map(([, reason = '']) => reason));
    expect(named.filter((reason) => !Object.hasOwn(reasons, reason))).toEqual([]);
    expect(named.length).toBeGreaterThan(40);
    const said = [...readPage('docs/concepts.md').prose.matchAll(/^\| `(\w+)`[^|]*\| (?:always|while True)/gm)].map(([, condition]) => condition);
    expect(said).toEqual(conditions);
  });

  it('commands of the program and targets of make', () => {
    const commands = [...readFileSync(join(root, 'src/main.ts'), 'utf8').matchAll(/^ {2}(\w+): \{ summary/gm)].map(([, name]) => name);
    const targets = [...readFileSync(join(root, 'Makefile'), 'utf8').matchAll(/^([a-z]+):/gm)].map(([, name]) => name);
    expect(unknown(/(?:^|`|\$ |&& |bin\/|kubectl )keystead (?!root key`)(\w+)/gm, (name) => commands.includes(name))).toEqual([]);
    expect(unknown(/(?:^|`)make (\w+)/gm, (name) => targets.includes(name))).toEqual([]);
  });

  it('values of the chart', () => {
    const values = parse(readFileSync(join(root, 'charts/keystead/values.yaml'), 'utf8')) as object;
    const has = (path: string): boolean =>
      path.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined), values) !== undefined;
    expect(unknown(/--set '?([a-zA-Z.]+)=/g, has)).toEqual([]);
    expect(unknown(/`((?:operator|audit|metrics|rbac|image|networkPolicy|crds|guards|targets)\.[a-zA-Z.]+)/g, has)).toEqual([]);
  });

  it('labels, annotations and types of Keystead', () => {
    const source = sourceText('src');
    const generated = /^keystead\.dev\/(v1alpha1|restart-[0-9a-f]{16})$/;
    expect(unknown(/(?<![\w.])((?:sync\.)?keystead\.dev\/[a-z-]+[a-z0-9-]*)/g, (name) => generated.test(name) || name.startsWith('sync.') || source.includes(name))).toEqual([]);
  });

  it('guards, each with its line in the security model', () => {
    const { prose } = readPage('docs/security-model.md');
    expect([...prose.matchAll(/^\| `(keystead-[a-z-]+)` \|/gm)].map(([, name]) => name)).toEqual(guardNames);
    expect(readPage('docs/adr/0011-guards-as-validating-admission-policies.md').text.includes('Fourteen')).toBe(guardNames.length === 14);
  });

  it('roles and other objects of the installation', () => {
    const names = new Set([...guardNames, ...predefinedRoles.map(({ name }) => name), 'keystead-system', 'keystead-operator', 'keystead-server', 'keystead-root-key', 'keystead-backup']);
    expect(unknown(/(?<![\w/-])(keystead-[a-z-]+)(?![\w/-])/g, (name) => names.has(name))).toEqual([]);
  });

  it('metrics', () => {
    const metrics = new Set(new Metrics({ version: '' }).describe().map(({ name }) => name));
    expect(unknown(/\b((?:keystead|leader_election|workqueue|rest_client|controller_runtime)_[a-z_]+)/g, (name) => metrics.has(name) || name.endsWith('_'))).toEqual([]);
  });

  it('filters of templates, all of them and no others', () => {
    const listed = /Filters: ([^]*?)\. /.exec(readPage('docs/guides/generate-a-secret.md').prose)?.[1] ?? '';
    expect([...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(Object.keys(filters).toSorted());
  });

  it('nothing of what is to come, but in the one place of the README that says so', () => {
    const toCome = /\bVaultKeys?\b|\bsealed values\b|\bspec\.sealed\b/g;
    expect(unknown(toCome, () => false)).toEqual([]);
    expect(readPage('README.md').text).toContain('**To come**');
  });
});
