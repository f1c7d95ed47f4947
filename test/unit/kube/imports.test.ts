import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '../../..');

/** Modules that are loaded at run time when `file` is: `import type` is not followed. */
function loaded(file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) {
    return found;
  }
  found.add(file);
  const source = readFileSync(file, 'utf8');
  for (const [, specifier = ''] of source.matchAll(/^(?:import|export)\s(?!type\s)[^;]*?from\s+'([^']+)'|import\('([^']+)'\)/gm)) {
    if (specifier.startsWith('.')) {
      loaded(resolve(dirname(file), specifier), found);
    } else {
      found.add(specifier);
    }
  }
  return found;
}

function files(folder: string): string[] {
  return readdirSync(join(root, folder)).map((name) => join(root, folder, name));
}

it('src/kube and src/runtime load neither client-node (decisions 25) nor anything above them', () => {
  const all = [...files('src/kube'), ...files('src/runtime')].flatMap((file) => [...loaded(file)]);
  const names = new Set(all.map((name) => (name.startsWith('/') ? relative(root, dirname(name)) : name)));
  expect([...names].filter((name) => !name.startsWith('node:')).toSorted()).toEqual(['src/api', 'src/kube', 'src/runtime', 'undici', 'yaml']);
});

it('src/runtime knows no client', () => {
  const names = files('src/runtime').flatMap((file) => [...loaded(file)]);
  expect(names.filter((name) => name.includes('src/kube') || name === 'undici')).toEqual([]);
});
