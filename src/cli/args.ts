import { parseArgs, type ParseArgsConfig } from 'node:util';

/** The command was called in a way that it does not know; the message says what to do. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Somebody asked for help: the message is the whole help text, and nothing is wrong. */
export class HelpAsked extends Error {
  override readonly name = 'HelpAsked';
}

type Options = NonNullable<ParseArgsConfig['options']>;

const HELP = { help: { type: 'boolean', short: 'h' } } as const satisfies Options;

/** How every command line is read. */
interface Config<T extends Options> {
  args: string[];
  options: T;
  strict: true;
  allowPositionals: true;
}

export interface Parsed<T extends Options> {
  readonly values: ReturnType<typeof parseArgs<Config<T>>>['values'];
  readonly positionals: readonly string[];
}

export interface CommandLine<T extends Options> {
  /** Such as `keystead dev`: how a person begins to type it. */
  readonly command: string;
  /** The help text, with examples. */
  readonly usage: string;
  readonly options: T;
  /** How many arguments without a dash it takes; default none. */
  readonly positionals?: { readonly least: number; readonly most: number };
}

/** Reads the arguments of a command. @throws HelpAsked for --help, UsageError with what to do instead */
export function readArguments<T extends Options>(line: CommandLine<T>, args: readonly string[]): Parsed<T> {
  const options = { ...line.options, ...HELP };
  // Wherever it stands, and whatever else is wrong: who asks for help is helped.
  if (args.includes('--help') || args.includes('-h')) throw new HelpAsked(line.usage);
  const { values, positionals } = parse(line, args, options);
  const { least, most } = line.positionals ?? { least: 0, most: 0 };
  if (positionals.length > most) {
    throw new UsageError(`${line.command} does not know what to do with "${positionals[most] ?? ''}". ${seeHelp(line.command)}`);
  }
  if (positionals.length < least) throw new UsageError(`${line.command} needs an argument more. ${seeHelp(line.command)}`);
  return { values, positionals };
}

function parse<T extends Options>(line: CommandLine<T>, args: readonly string[], options: T & typeof HELP): Parsed<T> {
  try {
    return parseArgs<Config<T>>({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    if (!isAboutArguments(error)) throw error;
    throw new UsageError(`${told(error.message, line)} ${seeHelp(line.command)}`, { cause: error });
  }
}

/** The errors of parseArgs, as against ours in calling it. */
function isAboutArguments(error: unknown): error is { readonly message: string } {
  return typeof error === 'object' && error !== null && 'code' in error && 'message' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}

/** Node's own words, without its advice on how to pass a flag as an argument; an unknown flag is answered with those there are. */
function told(message: string, { command, options }: { readonly command: string; readonly options: Options }): string {
  const unknown = /^Unknown option '([^']*)'/.exec(message)?.[1];
  if (unknown === undefined) return message.replace(/\n[^]*$/, '').replace(/\.?$/, '.');
  const known = Object.keys(options).map((name) => `--${name}`).toSorted();
  return `${command} has no flag ${unknown}${known.length === 0 ? '.' : `; it has ${known.join(', ')}.`}`;
}

/** Where to read on. */
export function seeHelp(command: string): string {
  return `See "${command} --help".`;
}

/** The value of a flag that must be given. @throws UsageError */
export function required(value: string | undefined, flag: string, command: string): string {
  if (value === undefined || value === '') throw new UsageError(`${command} needs ${flag}. ${seeHelp(command)}`);
  return value;
}

/** A TCP port, 0 meaning any free one. @throws UsageError */
export function port(value: string, flag: string): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= 65_535)) throw new UsageError(`${flag} must be a port, 0 to 65535, not "${value}".`);
  return number;
}

/** One of a few words. @throws UsageError */
export function oneOf<T extends string>(value: string, words: readonly T[], flag: string): T {
  const word = words.find((one) => one === value);
  if (word === undefined) throw new UsageError(`${flag} must be one of ${words.join(', ')}, not "${value}".`);
  return word;
}
