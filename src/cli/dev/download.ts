import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { KeysteadError } from '../../api/error.ts';
import type { Program, ProgramName, PublishedArchive } from './programs.ts';
import type { ProgramMaker } from './binaries.ts';

/** Answers the body at a URL, following redirects, or throws. */
export type Fetch = (url: string) => Promise<Buffer>;

const GO_ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * A maker that takes the project's published build over HTTPS and checks it against the SHA-256 published beside it.
 * That finds damage, not a forger who holds the project's site: where Go is installed, the pinned sources are built instead.
 */
export function downloader(get: Fetch): ProgramMaker {
  return async (program, target, host) => {
    const archive = archiveFor(program);
    host.progress(`there is no Go here: downloading ${program.name} ${program.version} from ${new URL(archive.url).host}`);
    const [body, sums] = await Promise.all([get(archive.url), get(archive.checksumUrl)]).catch((cause: unknown) => {
      throw new KeysteadError('BinaryUnavailable', `${program.name} ${program.version} could not be downloaded (${String(cause)}). Install Go, or put it on PATH.`, 'retry', { cause });
    });
    const expected = checksumIn(sums.toString('utf8'), basename(archive.url));
    if (expected === undefined || createHash('sha256').update(body).digest('hex') !== expected) {
      throw new KeysteadError('BinaryUnavailable', `${archive.url} does not have the SHA-256 that is published beside it, so it is not used. Try again, or install Go.`, 'retry');
    }
    await place(program.name, body, archive, target);
  };
}

function archiveFor(program: Program): PublishedArchive {
  const archive = program.published(platform(), GO_ARCHITECTURE[arch()] ?? arch());
  if (archive === undefined) {
    throw new KeysteadError('BinaryUnavailable', `${program.name} ${program.version} is not published for ${platform()}/${arch()}. Install Go 1.26 or newer, and it is built from source.`, 'stalled');
  }
  return archive;
}

/** The digest of `file` in a checksum text: a bare digest, or lines of `<digest>  <file>`. */
export function checksumIn(text: string, file: string): string | undefined {
  const bare = /^\s*([0-9a-f]{64})\s*$/i.exec(text)?.[1];
  const line = text.split('\n').map((each) => /^([0-9a-f]{64})\s+\*?(\S+)\s*$/i.exec(each)).find((match) => match?.[2] === file);
  return (bare ?? line?.[1])?.toLowerCase();
}

async function place(name: ProgramName, body: Buffer, archive: PublishedArchive, target: string): Promise<void> {
  if (archive.member === undefined) {
    writeFileSync(target, body, { mode: 0o755 });
    return;
  }
  const folder = `${target}.d`;
  mkdirSync(folder);
  try {
    writeFileSync(join(folder, 'archive.tar.gz'), body);
    await promisify(execFile)('tar', ['-xzf', 'archive.tar.gz', archive.member], { cwd: folder });
    renameSync(join(folder, archive.member), target);
  } catch (cause) {
    throw new KeysteadError('BinaryUnavailable', `${name} could not be taken out of ${archive.url}. Is tar installed?`, 'stalled', { cause });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
