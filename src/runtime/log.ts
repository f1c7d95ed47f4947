/** What may stand in a log line. Buffers and objects are left out on purpose: that is how secrets get into logs. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Structured logging, as the rest of the program sees it; `observe/` supplies the real one. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry `fields`. */
  with(fields: LogFields): Log;
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silentLog };
