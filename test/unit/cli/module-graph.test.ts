import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../../..');

/** What a module loads at once: `import type` loads nothing, and `import()` not before it is called. */
function imports(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  const found = source.matchAll(/^(?:import|export)\s(?!type\s)(?:[^;]*?from\s+)?'([^']+)'/gm);
  return [...found].map(([, specifier = '']) => (specifier.startsWith('.') ? resolve(dirname(file), specifier) : specifier));
}

/** Everything that is loaded when these files are. Packages by their names, our own modules by their paths. */
function graph(...files: string[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    if (name.startsWith('/')) imports(name).forEach(visit);
  };
  files.map((file) => resolve(root, file)).forEach(visit);
  return new Set([...found].map((name) => (name.startsWith('/') ? relative(root, name) : name)));
}

/** The operator is main.ts and the command that it loads. */
const operator = graph('src/main.ts', 'src/cli/operator.ts');

describe('keystead operator', () => {
  it('never loads @kubernetes/client-node (decisions 25)', () => {
    expect(operator).toContain('undici');
    expect([...operator].filter((name) => name.startsWith('@kubernetes'))).toEqual([]);
  });

  it('loads nothing else of the command line', () => {
    const cli = [...operator].filter((name) => name.startsWith('src/cli/'));
    expect(cli.toSorted()).toEqual(['src/cli/args.ts', 'src/cli/io.ts', 'src/cli/operator.ts']);
  });

  it('loads only packages that were chosen for it', () => {
    const packages = [...operator].filter((name) => !name.startsWith('src/') && !name.startsWith('node:'));
    expect(packages.toSorted()).toEqual([
      '@peculiar/asn1-schema', '@peculiar/asn1-x509', 'bcryptjs', 'liquidjs', 'prom-client', 'undici', 'winston', 'yaml', 'zod',
    ]);
  });
});

describe('src/main.ts', () => {
  it('loads no command before it is called', () => {
    const loaded = [...graph('src/main.ts')].filter((name) => name.startsWith('src/'));
    expect(loaded.filter((name) => /^src\/(cli\/(?!args|io)|operator|controllers|vault|store)/.test(name))).toEqual([]);
  });

  it('is the only module that reads the environment or ends the process', () => {
    const readers = [...operator, ...graph('src/cli/dev/control-plane.ts')].filter(
      (name) => name.startsWith('src/') && /process\.(env|exit|argv)\b/.test(readFileSync(resolve(root, name), 'utf8')),
    );
    expect(readers).toEqual(['src/main.ts']);
  });
});
