import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const bench = join(import.meta.dirname, '../../bench/main.ts');

/** The lines that the bench prints, from the sources: what was built last may be old. */
async function run(...args: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [bench, '--program', join(import.meta.dirname, '../../../src/main.ts'), ...args]);
  return stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
}

describe('make bench', () => {
  it('measures certificates, which take three writes each and no read', async () => {
    const [figure, ...more] = await run('--quick', '--only', 'certificates-500');
    expect(more).toEqual([]);
    expect(figure).toMatchObject({
      figure: 'certificates-500', count: 50, writesPerObject: 3, seconds: expect.any(Number), leastPossibleSeconds: expect.any(Number), met: expect.any(Boolean),
    });
    // A watch that the API server ends under load is opened again, which is a read too; one for each object would be 50.
    expect(figure?.['readsOfOperator']).toBeLessThan(10);
  }, 120_000);

  it('refuses figures that it does not have, and names those that it has', async () => {
    await expect(run('--only', 'certificates')).rejects.toMatchObject({ code: 2, stderr: expect.stringMatching(/unknown figures: certificates[^]*certificates-500, certificates-2000, secrets-1000, secrets-10000, foreign-secrets/) });
  });
});
