import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';

/** bin/keystead, in a checkout made up for the test. */
describe('bin/keystead', () => {
  let root = '';
  const write = (file: string, content: string): void => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  };
  const linkNode = (): void => {
    mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules/.bin/node'));
  };
  const run = (...args: string[]): string => execFileSync('/bin/sh', args, { env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8', stdio: 'pipe' });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'keystead bin-'));
    mkdirSync(join(root, 'bin'));
    copyFileSync('bin/keystead', join(root, 'bin/keystead'));
    write('package.json', '{ "type": "module" }');
    write('src/main.ts', 'const args: string[] = process.argv.slice(2); console.log("source", ...args);');
  });

  it('runs the sources until there is something compiled, with all arguments as they are', () => {
    linkNode();
    expect(run(join(root, 'bin/keystead'), 'dev', 'a b')).toBe('source dev a b\n');
    write('dist/main.js', 'console.log("compiled")');
    expect(run(join(root, 'bin/keystead'))).toBe('compiled\n');
  });

  it('finds its checkout through symbolic links, relative ones too', () => {
    linkNode();
    mkdirSync(join(root, 'elsewhere'));
    symlinkSync('../bin/keystead', join(root, 'elsewhere/first'));
    symlinkSync(join(root, 'elsewhere/first'), join(root, 'elsewhere/second'));
    expect(run(join(root, 'elsewhere/second'))).toBe('source\n');
  });

  it('says what to do where Node is too old', () => {
    write('node_modules/.bin/node', '#!/bin/sh\nexit 1\n');
    const path = mkdtempSync(join(tmpdir(), 'keystead-path-'));
    for (const tool of ['dirname', 'readlink']) {
      symlinkSync(`/usr/bin/${tool}`, join(path, tool));
    }
    const old = (): string => execFileSync('/bin/sh', [join(root, 'bin/keystead')], { env: { PATH: path }, encoding: 'utf8', stdio: 'pipe' });
    expect(old).toThrow('needs Node 24.9 or newer');
  });
});
