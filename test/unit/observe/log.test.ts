import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../src/api/error.ts';
import { ApiError, ConnectionError } from '../../../src/kube/errors.ts';
import { errorFields } from '../../../src/observe/error-fields.ts';
import { createLog, type LogLevel } from '../../../src/observe/log.ts';
import type { LogFields } from '../../../src/runtime/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CANARY = 'canary-7f3a';

class Lines extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  get parsed(): Record<string, unknown>[] {
    return this.text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

function log(level: LogLevel = 'debug') {
  const destination = new Lines();
  return { destination, log: createLog({ level, destination, clock: new FakeClock() }) };
}

/** A JSON error as Node.js makes it: its message quotes what could not be read. */
function parseError(): unknown {
  try {
    return JSON.parse(`{"password": ${CANARY}}`);
  } catch (error) {
    return error;
  }
}

describe('a log line', () => {
  it('is one JSON object with time, level, message, and the fields of the log and of the line', () => {
    const { destination, log: top } = log();
    top.with({ component: 'audit' }).with({ key: 'ns/name' }).warn('It took long', { ms: 12, ok: true, none: undefined });
    expect(destination.text).toBe('{"time":"2026-01-01T00:00:00.000Z","level":"warn","message":"It took long","component":"audit","key":"ns/name","ms":12,"ok":true}\n');
  });

  it('is left out below the level', () => {
    const { destination, log: top } = log('warn');
    top.debug('a');
    top.info('b');
    top.warn('c');
    top.error('d');
    expect(destination.parsed.map((line) => line['message'])).toEqual(['c', 'd']);
  });

  it('holds no object or buffer that got past the type', () => {
    const { destination, log: top } = log();
    const fields = { data: Buffer.from(CANARY), object: { value: CANARY }, list: [CANARY], error: new Error(CANARY), symbol: Symbol(CANARY), code: () => CANARY };
    top.error('failed', fields as unknown as LogFields);
    expect(destination.parsed).toEqual([{ time: '2026-01-01T00:00:00.000Z', level: 'error', message: 'failed' }]);
  });

  it('stays one line that reads back, whatever the texts and names of fields', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), fc.dictionary(fc.string(), fc.string({ unit: 'binary' })), (message, fields) => {
        const { destination, log: top } = log();
        top.info(message, fields);
        expect(destination.text.split('\n')).toHaveLength(2);
        expect(destination.text).not.toMatch(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
        expect(destination.parsed[0]).toMatchObject({ level: 'info', message });
      }),
    );
  });

  it('is cut when a text is endless', () => {
    const { destination, log: top } = log();
    top.info('x'.repeat(1_000_000), { field: 'y'.repeat(1_000_000) });
    expect(destination.text.length).toBeLessThan(5_000);
  });
});

describe('what is logged of an error', () => {
  it('is code and message of our own errors, and of answers and silence of the API server', () => {
    expect(errorFields(new KeysteadError('LimitExceeded', 'Too many objects.', 'wait'))).toEqual({ error: 'LimitExceeded: Too many objects.' });
    expect(errorFields(new ApiError(404, { reason: 'NotFound', message: 'vaults "a" not found' }, 'GET /apis/x'))).toEqual({ error: 'GET /apis/x: 404 vaults "a" not found' });
    expect(errorFields(new ConnectionError('GET /x', true, Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })))).toEqual({
      error: 'GET /x: the API server did not answer (ECONNRESET)',
      cause: 'Error ECONNRESET',
    });
  });

  it('is not the words of an API server that quotes a value it refused', () => {
    const error = new ApiError(422, { reason: 'Invalid', message: `Secret "a" is invalid: data: Invalid value: "${CANARY}"` }, 'POST /api/v1/namespaces/ns/secrets');
    expect(errorFields(error)).toEqual({ error: 'POST /api/v1/namespaces/ns/secrets: 422 Invalid' });
  });

  it('is class, code and place of any other, since JSON.parse and many others quote what they were given', () => {
    const fields = errorFields(parseError());
    expect(fields['error']).toBe('SyntaxError');
    expect(fields['at']).toContain('log.test.ts');
    expect(errorFields(Object.assign(new Error(CANARY), { code: 'ENOSPC' }))['error']).toBe('Error ENOSPC');
    expect(errorFields(CANARY)['error']).toBe('something that is not an Error was thrown');
  });

  it('never holds a canary from anywhere in an error or the causes of it', () => {
    const poisoned = (cause: unknown): Error =>
      Object.assign(new Error(`${CANARY}\n    at ${CANARY} (/${CANARY}:1:1)`, { cause }), { code: CANARY, name: `${CANARY}!`, [CANARY]: CANARY, data: Buffer.from(CANARY), toJSON: () => CANARY });
    const errors: unknown[] = [
      poisoned(undefined),
      poisoned(poisoned(parseError())),
      new KeysteadError('Internal', 'It failed.', 'retry', { cause: poisoned({ message: CANARY, cause: CANARY }) }),
      new ConnectionError('GET /x', true, { message: CANARY }),
      { stack: CANARY, message: CANARY },
      [CANARY],
      CANARY,
      undefined,
      null,
      new AggregateError([new Error(CANARY)], CANARY),
      Object.assign(new Error(''), { stack: CANARY }),
    ];
    const { destination, log: top } = log();
    for (const error of errors) {
      top.error('failed', errorFields(error));
    }
    expect(destination.parsed).toHaveLength(errors.length);
    expect(destination.text).not.toContain(CANARY);
  });

  it('ends, though causes go round in a circle', () => {
    const error: Error & { cause?: unknown } = new Error('a');
    error.cause = error;
    expect(errorFields(error)['cause']).toBe('Error < Error < Error < Error');
  });
});
