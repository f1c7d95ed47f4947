import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { createSupervisor } from '../../../src/cli/dev/supervisor.ts';
import { sleep, systemClock } from '../../../src/runtime/clock.ts';

/** A server that listens on a free port and writes it to its log. */
const SERVER = `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log('port=' + s.address().port))`;

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await what())) {
    await sleep(systemClock, 20);
  }
}

describe('supervisor', () => {
  it('ends its servers and removes their folder when this process is killed with -9', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'keystead-supervisor-'));
    const module = pathToFileURL(join(import.meta.dirname, '../../../src/cli/dev/supervisor.ts')).href;
    const script = join(directory, 'parent.mjs');
    writeFileSync(script, `
      import { createSupervisor } from ${JSON.stringify(module)};
      const server = createSupervisor(${JSON.stringify(directory)}).start('server', process.execPath, ['-e', ${JSON.stringify(SERVER)}]);
      setInterval(() => { const port = /port=(\\d+)/.exec(server.logTail())?.[1]; if (port) console.log(port); }, 10);
    `);
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(createInterface(parent.stdout), 'line');
    const port = Number(line);
    expect(await listens(port)).toBe(true);
    parent.kill('SIGKILL');
    await until(async () => !(await listens(port)) && !existsSync(directory));
    expect(await listens(port)).toBe(false);
  }, 20_000);

  it('shows the end of the log of a server that failed, and stops cleanly after it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'keystead-supervisor-'));
    const supervisor = createSupervisor(directory);
    const failed = supervisor.start('failing', '/bin/sh', ['-c', 'echo "cannot bind"; exit 1']);
    await failed.ended;
    expect({ running: failed.isRunning(), tail: failed.logTail() }).toEqual({ running: false, tail: 'cannot bind' });
    const missing = supervisor.start('missing', '/nowhere/to/be/found', []);
    await missing.ended;
    expect(missing.isRunning()).toBe(false);
    await supervisor.stop();
    expect(existsSync(directory)).toBe(false);
  }, 20_000);
});
