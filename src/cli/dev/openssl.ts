import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lookUp, type Environment } from './binaries.ts';
import { CommandFailed } from '../io.ts';

export interface Chain {
  /** PEM: the leaf, then intermediates. */
  readonly certificates: string;
  readonly roots: string;
}

/**
 * What `openssl verify` says of a chain: a program that has nothing in common with ours.
 * @throws CommandFailed when it finds fault with it, or is not there.
 */
export async function opensslVerify(chain: Chain, directory: string, environment: Environment): Promise<string> {
  const openssl = lookUp('openssl', environment);
  if (openssl === undefined) throw new CommandFailed('There is no openssl on PATH, which the demonstration verifies certificates with. Install it.');
  const folder = mkdtempSync(join(directory, 'verify-'));
  try {
    writeFileSync(join(folder, 'tls.crt'), chain.certificates, { mode: 0o600 });
    writeFileSync(join(folder, 'ca.crt'), chain.roots, { mode: 0o600 });
    return await run(openssl, ['verify', '-x509_strict', '-CAfile', 'ca.crt', '-untrusted', 'tls.crt', 'tls.crt'], folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, [...args], { cwd, env: {}, timeout: 10_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new CommandFailed(`openssl verify refuses the chain: ${stderr.trim()}`));
    });
  });
}
