import { readArguments, required, seeHelp, UsageError } from './args.ts';
import { exitCode, type Io } from './io.ts';
import { decryptAll, decryptOne } from './records/decrypt.ts';
import type { Dump } from './records/dump.ts';
import { readDumpFiles } from './records/dump-files.ts';
import { openOffline, type OfflineEngine } from './records/offline-engine.ts';
import { verifyRecords, type Finding, type Verdict } from './records/verify.ts';

const COMMAND = 'keystead records';

const usage = `Reads a dump of Keystead's records without a cluster: for disaster recovery, and to test that there could be one.

Usage:
  keystead records verify --dump FILE [--root-key FILE] [--quiet]
  keystead records decrypt --dump FILE [--root-key FILE] --vault NAMESPACE/NAME --object NAME [--version ID] [--field NAME]
  keystead records decrypt --dump FILE [--root-key FILE] --all --output-dir DIR

A dump is what kubectl writes; it holds the root key too unless that was taken out (then give --root-key). Whoever has
both reads every secret: keep them apart, and encrypted.

  kubectl get secrets -n keystead-system -o yaml > dump.yaml

verify opens every version of every record, and says "ok", "tampered" (changed, moved or made by somebody else),
"missing" (something that it needs is not in the dump) or "unlisted" (an archive left over by a write that was cut off;
harmless). It ends with 1 if anything is tampered or missing.
decrypt writes one value to standard output, exactly as it was put in, or all of them to files of mode 0600.

Flags:
  --dump FILE        YAML or JSON; "-" reads standard input
  --root-key FILE    the manifest of Secret keystead-root-key, or its 32 bytes, raw or in base64
  --quiet            verify: list only what is not ok
  --vault NS/NAME    decrypt: the vault
  --object NAME      decrypt: the object in it
  --version ID       decrypt: one of its versions; default: the current one
  --field NAME       decrypt: one of its fields; needed when there are several
  --all              decrypt: everything, soft-deleted objects too
  --output-dir DIR   decrypt --all: a folder that does not exist yet

Examples:
  keystead records verify --dump dump.yaml --quiet
  keystead records decrypt --dump dump.yaml --vault team-a/app --object database
`;

const options = {
  dump: { type: 'string' },
  'root-key': { type: 'string' },
  quiet: { type: 'boolean', default: false },
  vault: { type: 'string' },
  object: { type: 'string' },
  version: { type: 'string' },
  field: { type: 'string' },
  all: { type: 'boolean', default: false },
  'output-dir': { type: 'string' },
} as const;

type Values = ReturnType<typeof readArguments<typeof options>>['values'];

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments({ command: COMMAND, usage, options, positionals: { least: 1, most: 1 } }, args);
  const work = workOf(positionals[0] ?? '', values);
  const { dump, rootKey } = readDumpFiles(required(values.dump, '--dump FILE', COMMAND), values['root-key']);
  const engine = await openOffline(dump.records, rootKey, io);
  try {
    return await work(engine, dump, io);
  } finally {
    await engine.close();
  }
}

type Work = (engine: OfflineEngine, dump: Dump, io: Io) => Promise<number>;

/** What is to be done, with its flags checked before anything is read. @throws UsageError */
function workOf(verb: string, values: Values): Work {
  if (verb === 'verify') return (engine, dump, io) => verify(engine, dump, io, values.quiet);
  if (verb !== 'decrypt') throw new UsageError(`${COMMAND} can verify and decrypt, not "${verb}". ${seeHelp(COMMAND)}`);
  if (values.all) {
    const directory = required(values['output-dir'], '--output-dir DIR with --all', COMMAND);
    return (engine, _dump, io) => decryptEverything(engine, io, directory);
  }
  const [namespace, vault, ...more] = required(values.vault, '--vault NAMESPACE/NAME, or --all', COMMAND).split('/');
  if (namespace === undefined || vault === undefined || more.length > 0) throw new UsageError(`--vault is written NAMESPACE/NAME, such as team-a/app. ${seeHelp(COMMAND)}`);
  const object = required(values.object, '--object NAME', COMMAND);
  return (engine, _dump, io) => decrypt(engine, io, { namespace, vault, object, version: values.version, field: values.field });
}

async function verify(engine: OfflineEngine, dump: Dump, { stdout }: Io, quiet: boolean): Promise<number> {
  const findings = await verifyRecords(dump.records, engine);
  for (const finding of findings) if (!quiet || finding.verdict !== 'ok') stdout.write(`${lineOf(finding)}\n`);
  const count = (verdict: Verdict): number => findings.filter((finding) => finding.verdict === verdict).length;
  stdout.write(`${findings.length} findings: ${count('ok')} ok, ${count('tampered')} tampered, ${count('missing')} missing, ${count('unlisted')} unlisted\n`);
  return count('tampered') + count('missing') === 0 ? exitCode.ok : exitCode.failed;
}

function lineOf({ verdict, kind, record, says }: Finding): string {
  return `${verdict.padEnd(9)} ${kind.padEnd(12)} ${record.padEnd(42)} ${says}`;
}

async function decrypt(engine: OfflineEngine, { stdout, terminal }: Io, wanted: Parameters<typeof decryptOne>[0]): Promise<number> {
  const value = await decryptOne(wanted, engine);
  stdout.write(value);
  // A program that reads it gets the value exactly.
  if (terminal) stdout.write('\n');
  return exitCode.ok;
}

async function decryptEverything(engine: OfflineEngine, { stdout, stderr }: Io, directory: string): Promise<number> {
  const { versions, failed } = await decryptAll(directory, engine);
  for (const message of failed) stderr.write(`${message}\n`);
  stdout.write(`${versions} versions written to ${directory}, ${failed.length} could not be opened\n`);
  return failed.length === 0 ? exitCode.ok : exitCode.failed;
}
