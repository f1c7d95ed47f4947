import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generators, type Generator } from './generators.ts';

/** Writes everything that is generated, and removes what no generator makes any more. */
async function generate(top: string, generator: Generator): Promise<number> {
  const files = await generator.render();
  for (const { folder, extension } of generator.owns ?? []) {
    await mkdir(join(top, folder), { recursive: true });
    for (const name of await readdir(join(top, folder))) {
      if (name.endsWith(extension) && !files.has(`${folder}/${name}`)) {
        await rm(join(top, folder, name));
      }
    }
  }
  for (const [path, content] of files) {
    await mkdir(dirname(join(top, path)), { recursive: true });
    await writeFile(join(top, path), content);
  }
  return files.size;
}

const top = join(import.meta.dirname, '../..');
for (const generator of generators) {
  process.stdout.write(`${generator.name}: ${await generate(top, generator)} files\n`);
}
