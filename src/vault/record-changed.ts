import { KeysteadError } from '../api/error.ts';

/** Another process changed a record at the same moment. Nothing was written; the controller loop looks again at once. */
export class RecordChanged extends KeysteadError {
  /** How the controller loop recognises it (runtime/failure.ts). */
  readonly transient = 'conflict';

  constructor(what: string) {
    super('RecordChanged', `${what} was changed by another process at the same moment; it is tried again.`, 'retry');
  }
}
