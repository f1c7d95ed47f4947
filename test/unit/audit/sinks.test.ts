import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, constants, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DescriptorWriter } from '../../../src/audit/descriptor-writer.ts';
import { fileSink } from '../../../src/audit/file-sink.ts';
import { multiSink } from '../../../src/audit/sink.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { errno, FakeSink } from './support.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keystead-audit-'));
  path = join(folder, 'audit.log');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('the file sink', () => {
  it('adds lines at the end, in a file that only its owner reads', async () => {
    appendFileSync(path, 'old\n', { mode: 0o600 });
    const sink = fileSink(path, { clock: systemClock });
    await sink.append(Buffer.from('a\n'));
    await sink.append(Buffer.from('b\nc\n'));
    await sink.close();
    expect(readFileSync(path, 'utf8')).toBe('old\na\nb\nc\n');
    const other = fileSink(join(folder, 'new.log'), { clock: systemClock, sync: true });
    await other.append(Buffer.from('a\n'));
    await other.close();
    expect(statSync(join(folder, 'new.log')).mode & 0o777).toBe(0o600);
  });

  it('begins on a line of its own after half a line that a crash left', async () => {
    appendFileSync(path, 'half');
    const sink = fileSink(path, { clock: systemClock });
    await sink.append(Buffer.from('a\n'));
    await sink.close();
    expect(readFileSync(path, 'utf8')).toBe('half\na\n');
  });

  it('goes on in a new file once the old one was moved away and it was told', async () => {
    const sink = fileSink(path, { clock: systemClock });
    await sink.append(Buffer.from('a\n'));
    renameSync(path, `${path}.1`);
    await sink.append(Buffer.from('b\n'));
    sink.reopen();
    await sink.append(Buffer.from('c\n'));
    await sink.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('a\nb\n');
    expect(readFileSync(path, 'utf8')).toBe('c\n');
  });

  it('says so when the folder is not there, and works once it is', async () => {
    const sink = fileSink(join(folder, 'no', 'audit.log'), { clock: systemClock });
    const lines = Buffer.from('a\n');
    await expect(sink.append(lines)).rejects.toMatchObject({ code: 'ENOENT' });
    execFileSync('mkdir', [join(folder, 'no')]);
    await sink.append(lines);
    await sink.close();
    expect(readFileSync(join(folder, 'no', 'audit.log'), 'utf8')).toBe('a\n');
  });

  it('reports a full disk', async () => {
    const sink = fileSink('/dev/full', { clock: systemClock });
    await expect(sink.append(Buffer.from('a\n'))).rejects.toMatchObject({ code: 'ENOSPC' });
    await sink.close();
  });
});

describe('writing to a descriptor', () => {
  it('writes a buffer once, however often it is asked to after it was taken', async () => {
    const file = await open(path, 'a');
    const writer = new DescriptorWriter(systemClock);
    const lines = Buffer.from('a\n');
    await writer.writeAll(file.fd, lines);
    await writer.writeAll(file.fd, lines);
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('a\n');
  });

  it.each(['block', 'nonblock'])('gets everything through a pipe that is full again and again (%s)', async (mode) => {
    execFileSync('mkfifo', [path]);
    // Open for both, so that opening waits for nobody.
    const reader = await open(path, 'r+');
    const pipe = await open(path, constants.O_WRONLY | (mode === 'nonblock' ? constants.O_NONBLOCK : 0));
    // Longer than a pipe holds (64 KiB).
    const lines = randomBytes(300_000);
    const written = new DescriptorWriter(systemClock).writeAll(pipe.fd, lines);
    const seen = Buffer.alloc(lines.length);
    for (let got = 0; got < seen.length; ) {
      got += (await reader.read(seen, got, Math.min(10_000, seen.length - got), null)).bytesRead;
    }
    await written;
    await Promise.all([pipe.close(), reader.close()]);
    expect(seen.equals(lines)).toBe(true);
  });
});

describe('several sinks', () => {
  it('accept what all of them accepted, and get each line once though one of them failed', async () => {
    const good = new FakeSink();
    const bad = new FakeSink();
    bad.failure = errno('EIO');
    const both = multiSink([good, bad]);
    const lines = Buffer.from('a\n');
    await expect(both.append(lines)).rejects.toMatchObject({ code: 'EIO' });
    bad.failure = undefined;
    await both.append(lines);
    await both.append(Buffer.from('b\n'));
    expect(good.lines).toEqual(['a', 'b']);
    expect(bad.lines).toEqual(['a', 'b']);
  });

  it('must be at least one', () => {
    expect(() => multiSink([])).toThrow('at least one');
  });
});
