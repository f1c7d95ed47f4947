import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { generators } from '../../../tools/generate/generators.ts';

// Helm renders the chart; on a new machine it is built first, which takes minutes.
jest.setTimeout(600_000);

const top = join(import.meta.dirname, '../../..');
const current = (path: string): string => (existsSync(join(top, path)) ? readFileSync(join(top, path), 'utf8') : 'missing');

/** Claims are checks: what is generated is in the repository as it would be generated now. */
describe.each(generators.map((generator) => [generator.name, generator] as const))('%s', (_name, generator) => {
  it('is up to date (mend it with: npm run generate)', async () => {
    const files = await generator.render();
    for (const [path, content] of files) {
      expect({ path, content: current(path) }).toEqual({ path, content });
    }
    for (const { folder, extension } of generator.owns ?? []) {
      const stale = readdirSync(join(top, folder)).filter((name) => name.endsWith(extension) && !files.has(`${folder}/${name}`));
      expect(stale).toEqual([]);
    }
  });
});
