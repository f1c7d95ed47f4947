import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { sleep, systemClock } from '../../../src/runtime/clock.ts';
import { program } from '../../support/control-plane.ts';
import { commandsOf, readPage, type Command } from '../../unit/docs/markdown.ts';

/** How long a command may be asked again until it prints what the page says: counts follow within ten seconds. */
const WITHIN_MS = 25_000;
const AGAIN_MS = 250;

/** A person's terminal, with kubectl and its plugin, and nothing else of ours in it. */
export class Terminal {
  readonly #folder: string;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#environment = { HOME: folder, KUBECONFIG: join(folder, 'kubeconfig'), PATH: `${join(folder, 'bin')}:/usr/local/bin:/usr/bin:/bin` };
  }

  static async open(on: ControlPlane): Promise<Terminal> {
    const folder = mkdtempSync(join(tmpdir(), 'keystead-docs-'));
    mkdirSync(join(folder, 'bin'));
    symlinkSync(await program('kubectl'), join(folder, 'bin', 'kubectl'));
    // From the sources, whatever lies in dist.
    writeFileSync(join(folder, 'bin', 'kubectl-keystead'), `#!/bin/sh\nexec '${process.execPath}' '${resolve('src/main.ts')}' "$@"\n`, { mode: 0o755 });
    copyFileSync(on.adminKubeconfig, join(folder, 'kubeconfig'));
    return new Terminal(folder);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  write(file: string, content: string): void {
    writeFileSync(join(this.#folder, file), content);
  }

  /** What a command prints on both streams, as one sees it. */
  async run(command: string, input = ''): Promise<string> {
    const child = spawn('bash', ['-c', `exec 2>&1\n${command}`], { cwd: this.#folder, env: this.#environment });
    // A command that reads nothing may have ended before it could be told so.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    return text(child.stdout);
  }

  /**
   * Does what a page says, in its order: applies each manifest, or writes it to the file that the line before names, and
   * runs each command of a console. Answers each output that is not as the page says.
   */
  async follow(path: string): Promise<readonly string[]> {
    const differences: string[] = [];
    for (const block of readPage(path).blocks) {
      if (block.language === 'yaml') {
        const file = /`([a-z-]+\.yaml)`/.exec(block.before)?.[1];
        if (file === undefined) await this.run('kubectl apply -f -', block.text);
        else this.write(file, block.text);
      } else if (block.language === 'sh' && block.text.startsWith('kubectl ')) {
        await this.run(block.text);
      } else if (block.language === 'console') {
        for (const command of commandsOf(block)) {
          const difference = await this.#compare(command);
          if (difference !== undefined) differences.push(`${path}:${block.line}: $ ${command.command}\n${difference}`);
        }
      }
    }
    return differences;
  }

  /** Undefined when it prints what it should. What only looks is asked again for a while; what acts, acts once. */
  async #compare({ command, output }: Command): Promise<string | undefined> {
    const onlyLooks = /^(kubectl (-n \S+ )?(get|wait)|openssl) /.test(command) && !command.includes(' > ');
    const expected = output.map(masked).join('\n');
    const deadline = systemClock.monotonic() + WITHIN_MS;
    for (;;) {
      const printed = (await this.run(command)).trimEnd().split('\n');
      const actual = (printed.length === 1 && printed[0] === '' ? [] : printed).map(masked).join('\n');
      if (matches(expected, actual)) return undefined;
      if (!onlyLooks || systemClock.monotonic() > deadline) return `expected:\n${expected}\nprinted:\n${actual}`;
      await sleep(systemClock, AGAIN_MS);
    }
  }
}

/** A line without what differs from run to run: widths, instants, ages, ids, hashes and random values. */
function masked(line: string): string {
  return line
    // A generated value has letters of both cases and digits.
    .replaceAll(/(?=\S*[A-Z])(?=\S*[a-z])(?=\S*[0-9])\S{20,}/g, (value) => `<${value.length} characters>`)
    .replaceAll(/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/g, 'DATE')
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UID')
    .replaceAll(/\b[0-9a-f]{16,}\b/g, 'HEX')
    .replaceAll(/(?<= )([0-9]+[smhd])+(?= |$)/g, 'AGE')
    .replaceAll(/ +/g, ' ')
    .trimEnd();
}

/** `…` at the end of a line stands for the rest of it; as a line of its own, for any further lines. */
function matches(expected: string, actual: string): boolean {
  const pattern = expected.split('…').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join('[^]*');
  return new RegExp(`^${pattern}$`).test(actual);
}
