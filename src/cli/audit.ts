import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CHECKPOINT_RECORD } from '../audit/checkpoint-record.ts';
import { verify, type VerifyReport } from '../audit/verify.ts';
import type { Problem, WriterReport } from '../audit/writer-trail.ts';
import { readArguments, required, seeHelp, UsageError } from './args.ts';
import { exitCode, type Io } from './io.ts';
import { readDumpFiles } from './records/dump-files.ts';
import { openOffline } from './records/offline-engine.ts';

const COMMAND = 'keystead audit';

const usage = `Checks an audit log: whether every line is as it was written, and from when on none is missing.

Usage:
  keystead audit verify --dump FILE [--root-key FILE] LOG...

The logs are read in their order, oldest first, as one. The dump (kubectl get secrets -n keystead-system -o yaml) holds the
key of the chain, wrapped by the root key, and the checkpoints that tell how far each process had come; a dump that is
younger than the logs may know of lines that they do not have yet.
It ends with 1 if a line was altered, or one is missing.

Flags:
  --dump FILE      YAML or JSON; see "keystead records --help"
  --root-key FILE  needed if the dump does not hold it

Examples:
  keystead audit verify --dump dump.yaml audit.log.1 audit.log
`;

const options = { dump: { type: 'string' }, 'root-key': { type: 'string' } } as const;

const MOST_LOGS = 1_000;

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments({ command: COMMAND, usage, options, positionals: { least: 2, most: MOST_LOGS } }, args);
  const [verb, ...logs] = positionals;
  if (verb !== 'verify') throw new UsageError(`${COMMAND} can verify, not "${verb ?? ''}". ${seeHelp(COMMAND)}`);
  const { dump, rootKey } = readDumpFiles(required(values.dump, '--dump FILE', COMMAND), values['root-key']);
  const engine = await openOffline(dump.records, rootKey, io);
  try {
    const checkpoints = dump.records.find(({ name }) => name === CHECKPOINT_RECORD)?.body;
    const report = await verify(linesOf(logs), checkpoints, engine.auditKey);
    io.stdout.write(reportText(report));
    return report.problemCount === 0 ? exitCode.ok : exitCode.failed;
  } finally {
    await engine.close();
  }
}

async function* linesOf(files: readonly string[]): AsyncGenerator<string> {
  for (const file of files) {
    const input = createReadStream(file, 'latin1');
    try {
      yield* createInterface({ input, crlfDelay: Infinity });
    } catch (error) {
      throw new UsageError(`${file} cannot be read. Name a file that is there.`, { cause: error });
    }
  }
}

function reportText({ writers, problems, problemCount, foreign, completeSince }: VerifyReport): string {
  const more = problemCount > problems.length ? [`… and ${problemCount - problems.length} more`] : [];
  const from = completeSince === '' ? 'from the first line' : `since ${completeSince ?? ''}`;
  const end = completeSince === undefined ? 'Completeness is not proven: no checkpoint is known.' : `Complete ${from}, up to the last checkpoint of each writer.`;
  const alien = foreign === 0 ? [] : [`${foreign} lines are none of the audit log.`];
  return [...writers.map(writerText), ...problems.map(problemText), ...more, ...alien, problemCount === 0 ? end : `${problemCount} problems.`, ''].join('\n');
}

function writerText({ writer, lines, first, last, proven }: WriterReport): string {
  const range = first === undefined || last === undefined ? 'no line' : `lines ${first} to ${last}, ${lines} intact`;
  return `${writer}: ${range}${proven === undefined ? '' : `, proven complete from ${proven.from} to ${proven.to}`}`;
}

function problemText({ kind, writer, line, from, to }: Problem): string {
  const where = [writer, line === undefined ? undefined : `line ${line} of the input`, from === undefined ? undefined : `from ${from}`, to === undefined ? undefined : `to ${to}`];
  return `${kind}: ${where.filter((part) => part !== undefined).join(', ')}`;
}
