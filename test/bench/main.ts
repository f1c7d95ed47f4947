import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchOptions, Measurement } from './figure.ts';
import { batches } from './figures/batches.ts';
import { foreignSecrets } from './figures/foreign-secrets.ts';
import { tenThousand } from './figures/ten-thousand.ts';

/*
 * `make bench`: one JSON line for each figure on standard output, progress on standard error. How it is measured is
 * decisions 52; what each goal is, and why, stands with the figures. Exits 0 whether goals are met or not: figures hang on
 * the machine, and the lines say which are met.
 */

const USAGE = `usage: node test/bench/main.ts [--runs N] [--only NAME,...] [--quick] [--program FILE]
  --runs N      measure each figure N times and take the median (default 3)
  --only NAMES  only these figures
  --quick       once, at a tenth of the size: shows that everything works, and measures little
  --program     the compiled program (default dist/main.js; make bench builds it)
  --node-flags  for the operator's Node besides those of the image, such as --cpu-prof`;

const measurements: readonly Measurement[] = [...batches, tenThousand, foreignSecrets];

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, only: { type: 'string' }, quick: { type: 'boolean', default: false }, program: { type: 'string' }, 'node-flags': { type: 'string' }, help: { type: 'boolean', default: false } },
});

const options: BenchOptions = {
  runs: values.quick ? 1 : Number(values.runs),
  divisor: values.quick ? 10 : 1,
  program: values.program ?? join(import.meta.dirname, '../../dist/main.js'),
  nodeFlags: values['node-flags']?.split(' ') ?? [],
  say: (line) => void process.stderr.write(`${line}\n`),
};
const names = values.only?.split(',') ?? measurements.map(({ name }) => name);
const unknown = names.filter((name) => !measurements.some((one) => one.name === name));

if (values.help || unknown.length > 0 || !Number.isInteger(options.runs) || options.runs < 1) {
  process.stderr.write(`${unknown.length > 0 ? `unknown figures: ${unknown.join(', ')}\n` : ''}${USAGE}\nfigures: ${measurements.map(({ name }) => name).join(', ')}\n`);
  process.exitCode = values.help ? 0 : 2;
} else {
  for (const { measure } of measurements.filter(({ name }) => names.includes(name))) {
    for (const figure of await measure(options)) process.stdout.write(`${JSON.stringify(figure)}\n`);
  }
}
