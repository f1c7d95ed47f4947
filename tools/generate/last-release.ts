import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { customResources } from '../../src/api/crds.ts';
import { fieldShapes } from './field-shapes.ts';

/**
 * Writes down the fields of this release, for the next one to be compared with. Part of making a release, and of nothing
 * else: run at any other time it would hide what it is there to find. `npx -c 'node tools/generate/last-release.ts'`
 */
const path = join(import.meta.dirname, '../../test/unit/api/last-release.json');
const lines = Object.entries(fieldShapes(customResources)).map(([field, shape]) => `${JSON.stringify(field)}: ${JSON.stringify(shape)}`);
await writeFile(path, `{\n${lines.join(',\n')}\n}\n`);
