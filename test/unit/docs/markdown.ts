import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Reads the pages that people read, in the one way in which we write them: fenced blocks at the margin or in a list. */

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A fenced block. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Of its first line of text, from 1. */
  readonly line: number;
  /** The line of prose before it; "" if none. */
  readonly before: string;
}

/** A command of a `console` block and what the page says that it prints. */
export interface Command {
  readonly command: string;
  readonly output: readonly string[];
}

export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  /** Everything outside of fenced blocks. */
  readonly prose: string;
  readonly blocks: readonly Block[];
}

/** The pages that people write; those under docs/reference are generated and tested elsewhere. */
export function writtenPages(): readonly Page[] {
  const inDocs = (readdirSync(`${root}docs`, { recursive: true }) as string[]).filter((path) => path.endsWith('.md') && !path.startsWith('reference'));
  return ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...inDocs.map((path) => `docs/${path}`)].map(readPage);
}

export function readPage(path: string): Page {
  const text = readFileSync(`${root}${path}`, 'utf8');
  const blocks: Block[] = [];
  const prose: string[] = [];
  let before = '';
  let open: { readonly language: string; readonly indent: string; readonly line: number; readonly lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent = '', language = ''] = /^( *)```(\w*)$/.exec(line) ?? [];
    if (open !== undefined && line === `${open.indent}\`\`\``) {
      blocks.push({ language: open.language, text: `${open.lines.join('\n')}\n`, line: open.line, before });
      before = '';
      open = undefined;
    } else if (open !== undefined) {
      open.lines.push(line.slice(open.indent.length));
    } else if (/^ *```/.test(line)) {
      open = { language, indent, line: index + 2, lines: [] };
    } else {
      prose.push(line);
      if (line !== '') before = line;
    }
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: the block does not end`);
  return { path, text, prose: prose.join('\n'), blocks };
}

/** Lines after `$ ` are commands; a backslash at the end continues one; the rest is output. */
export function commandsOf(block: Block): readonly Command[] {
  const commands: { command: string; output: string[] }[] = [];
  for (const line of block.text.replaceAll('\\\n', '').trimEnd().split('\n')) {
    if (line.startsWith('$ ')) commands.push({ command: line.slice(2), output: [] });
    else commands.at(-1)?.output.push(line);
  }
  return commands;
}

/** Anchors as GitHub makes them of headings. */
export function anchorsOf(page: Pick<Page, 'prose'>): ReadonlySet<string> {
  const headings = page.prose.split('\n').flatMap((line) => /^#+ (.*)$/.exec(line)?.[1] ?? []);
  return new Set(headings.map((heading) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')));
}
