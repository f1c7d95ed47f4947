import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { verify } from '../../../src/audit/verify.ts';
import { KEY, stream } from './support.ts';

/** Runs the child until it has answered so many changes, kills it with SIGKILL, and says how many it answered. */
async function killAfter(changes: number, path: string, writer: string): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-child.ts'), path, writer], { stdio: ['ignore', 'pipe', 'inherit'] });
  let answered = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    const counts = chunk.toString().split('\n').slice(0, -1);
    answered = Number(counts.at(-1) ?? answered);
    if (answered >= changes) {
      child.kill('SIGKILL');
    }
  });
  await once(child, 'close');
  return answered;
}

it('what was answered as done is in the log of a process that was killed, and the next one goes on in the same file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-audit-'));
  const path = join(folder, 'audit.log');
  try {
    const answered = [await killAfter(500, path, 'first'), await killAfter(500, path, 'second')];
    const lines = readFileSync(path, 'utf8').split('\n').filter((line) => line !== '');
    const done = ['first', 'second'].map((writer) => lines.filter((line) => line.includes(`"writer":"${writer}-`) && line.includes('"result":"ok"')).length);
    expect(done[0]).toBeGreaterThanOrEqual(answered[0] ?? 0);
    expect(done[1]).toBeGreaterThanOrEqual(answered[1] ?? 0);
    // Nothing is missing or out of order; a last line may have been cut in two.
    const report = await verify(stream(lines), undefined, KEY);
    expect(report.problems.filter((problem) => problem.kind !== 'altered')).toEqual([]);
    expect(report.problemCount).toBeLessThanOrEqual(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
