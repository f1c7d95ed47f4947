import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The real openssl as a second opinion on what we write. */
export class OpenSsl {
  readonly #folder = mkdtempSync(join(tmpdir(), 'keystead-openssl-'));
  #count = 0;

  /** A file of the given content, for openssl's arguments. */
  file(content: string | Buffer): string {
    this.#count += 1;
    const path = join(this.#folder, String(this.#count));
    writeFileSync(path, content);
    return path;
  }

  /** Standard output and standard error; throws when openssl fails. */
  run(...args: readonly string[]): string {
    const { status, output } = this.try(...args);
    if (status !== 0) throw new Error(`openssl ${args[0]} ended with ${status}: ${output}`);
    return output;
  }

  try(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
    const { status, stdout, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' });
    if (error) throw error;
    return { status, output: stdout + stderr };
  }

  /** `OK`, or openssl's reason. */
  verify(leafPem: string, rootPem: string, intermediatesPem = ''): string {
    const untrusted = intermediatesPem === '' ? [] : ['-untrusted', this.file(intermediatesPem)];
    const { status, output } = this.try('verify', '-x509_strict', '-check_ss_sig', '-CAfile', this.file(rootPem), ...untrusted, this.file(leafPem));
    return status === 0 ? 'OK' : (/error \d+ at \d+ depth lookup: (.*)/.exec(output)?.[1] ?? output);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
