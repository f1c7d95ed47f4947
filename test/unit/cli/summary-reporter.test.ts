import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const REPORTER = pathToFileURL(join(import.meta.dirname, '../../../tools/jest-summary-reporter.mjs')).href;
const CLEAN = { testResults: [], numPassedTests: 3, numFailedTests: 0, numRuntimeErrorTestSuites: 0, numPendingTests: 0, numTodoTests: 0, wasInterrupted: false };

/** What a process prints that reports `results` and then says something more. */
function report(results: object): string[] {
  const script = `
    const { default: Reporter } = await import(${JSON.stringify(REPORTER)});
    new Reporter().onRunComplete(new Set(), ${JSON.stringify({ ...CLEAN, ...results })});
    console.log('teardown');`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).trimEnd().split('\n');
}

describe('summary reporter', () => {
  it('ends with one line that counts, whatever comes before it', () => {
    expect(report({})).toEqual(['teardown', '3 passed, 0 failed']);
    expect(report({ numFailedTests: 2 }).at(-1)).toBe('3 passed, 2 failed');
  });

  it('counts a file that does not load, and an interrupted run, as failures', () => {
    expect(report({ numRuntimeErrorTestSuites: 1 }).at(-1)).toBe('3 passed, 1 failed');
    expect(report({ wasInterrupted: true }).at(-1)).toBe('3 passed, 1 failed');
  });

  it('names what was skipped, with its reason', () => {
    const test = { status: 'pending', fullName: 'image builds [skipped: no container engine]' };
    expect(report({ numPendingTests: 1, testResults: [{ testResults: [test, { status: 'passed', fullName: 'x' }] }] })).toEqual([
      'SKIPPED image builds [skipped: no container engine]',
      'teardown',
      '3 passed, 0 failed, 1 skipped',
    ]);
  });
});
