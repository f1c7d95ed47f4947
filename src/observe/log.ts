import type { Writable } from 'node:stream';
import winston from 'winston';
import type { Clock } from '../runtime/clock.ts';
import type { Log, LogFields } from '../runtime/log.ts';

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  /** What is less important is left out. */
  readonly level: LogLevel;
  /** Standard error: standard output belongs to the audit log. */
  readonly destination: Writable;
  readonly clock: Clock;
}

/** Longer texts are cut: a log line is no place for documents. */
const LONGEST_TEXT = 2_048;

/** One JSON object a line: `time`, `level`, `message`, then the fields. */
export function createLog(options: LogOptions): Log {
  const transport = new winston.transports.Stream({ stream: options.destination, eol: '\n' });
  const logger = winston.createLogger({ level: options.level, format: winston.format.printf(lineOf), transports: [transport] });
  // winston's own isLevelEnabled costs microseconds, which every debug line in a hot path would pay for nothing.
  const enabled = new Set(logLevels.slice(0, logLevels.indexOf(options.level) + 1));
  return new WinstonLog({ logger, clock: options.clock, enabled }, {});
}

interface Parts {
  readonly logger: winston.Logger;
  readonly clock: Clock;
  readonly enabled: ReadonlySet<LogLevel>;
}

class WinstonLog implements Log {
  readonly #parts: Parts;
  readonly #fields: LogFields;

  constructor(parts: Parts, fields: LogFields) {
    this.#parts = parts;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields);
  }

  with(fields: LogFields): Log {
    return new WinstonLog(this.#parts, { ...this.#fields, ...fields });
  }

  #log(level: LogLevel, message: string, fields: LogFields | undefined): void {
    const { logger, clock, enabled } = this.#parts;
    if (enabled.has(level)) {
      // The fields as one property: winston gives names such as `message` and `splat` a meaning of its own.
      logger.log({ level, message, time: clock.now().toISOString(), fields: { ...this.#fields, ...fields } });
    }
  }
}

function lineOf(info: winston.Logform.TransformableInfo): string {
  const line: Record<string, string | number | boolean> = { time: String(info['time']), level: info.level, message: cut(String(info.message)) };
  for (const [name, value] of Object.entries(info['fields'] ?? {})) {
    const allowed = primitive(value);
    if (allowed !== undefined && !Object.hasOwn(line, name)) {
      line[name] = allowed;
    }
  }
  return printable(JSON.stringify(line));
}

/** The type allows nothing else, but a Buffer or an object that got past it must not be spelled out. */
function primitive(value: unknown): string | number | boolean | undefined {
  if (typeof value === 'string') {
    return cut(value);
  }
  return typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}

function cut(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`;
}

/** JSON leaves C1 controls, line separators and bidirectional overrides as they are; terminals act on them. */
function printable(json: string): string {
  return json.replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
