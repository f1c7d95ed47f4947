import { describe, expect, it } from '@jest/globals';
import { KeysteadError } from '../../../src/api/error.ts';
import { RevisionConflict } from '../../../src/store/store.ts';
import { settle } from '../../support/fake-clock.ts';
import { entry, errno, refusal, testAudit } from './support.ts';

/** The engine's own lines: without those about the chain. */
function engineRecords(sink: { records: Record<string, unknown>[] }): Record<string, unknown>[] {
  return sink.records.filter((record) => record['phase'] !== 'chain');
}

describe('a change', () => {
  it('is announced before it is made and told of before it is answered', async () => {
    const { audit, sink } = await testAudit();
    let before = 0;
    const outcome = await audit.auditor.change(entry({ expectedCounter: 3 }), async () => {
      before = engineRecords(sink).length;
      return { counter: 3, headHash: 'cd'.repeat(32), secret: 'canary' };
    });
    expect(before).toBe(1);
    expect(outcome.secret).toBe('canary');
    const [intent, end] = engineRecords(sink);
    expect(intent).toMatchObject({ phase: 'intent', operation: 'SecretSet', expectedCounter: 3 });
    expect(end).toMatchObject({ phase: 'outcome', intent: intent?.['seq'], result: 'ok', counter: 3, headHash: 'cd'.repeat(32) });
    expect(sink.writes.join('')).not.toContain('canary');
  });

  it('is not made while its intent waits for a sink that hangs, and ends as AuditUnavailable after the time limit', async () => {
    const { audit, sink, clock } = await testAudit();
    sink.hang();
    let made = false;
    const change = audit.auditor.change(entry(), async () => {
      made = true;
      return {};
    });
    const answer = refusal(change);
    await clock.advance(9_999);
    expect(made).toBe(false);
    await clock.advance(1);
    await expect(answer).resolves.toMatchObject({ code: 'AuditUnavailable', consequence: 'retry' });
    expect(made).toBe(false);

    sink.release();
    await settle();
    expect(engineRecords(sink).map((record) => [record['phase'], record['result'], record['code']])).toEqual([
      ['intent', undefined, undefined],
      ['outcome', 'refused', 'AuditUnavailable'],
    ]);
  });

  it('is not answered as done when its outcome finds no sink; the outcome is written later', async () => {
    const { audit, sink, clock } = await testAudit();
    const change = audit.auditor.change(entry(), async () => {
      sink.failure = errno('ENOSPC');
      return { counter: 1 };
    });
    await expect(change).rejects.toMatchObject({ code: 'AuditUnavailable' });
    sink.failure = undefined;
    await clock.advance(1_000);
    expect(engineRecords(sink).at(-1)).toMatchObject({ phase: 'outcome', result: 'ok', counter: 1 });
  });

  it.each([
    ['a conflict', new RevisionConflict('canary'), 'refused', 'RecordChanged'],
    ['a limit', new KeysteadError('LimitExceeded', 'canary', 'wait'), 'refused', 'LimitExceeded'],
    ['a fault in the middle', new KeysteadError('Internal', 'canary', 'retry'), 'failed', 'Internal'],
    ['a fault of the connection', Object.assign(new Error('canary'), { name: 'ConnectionError' }), 'failed', 'ConnectionError'],
    ['an error that nobody expected', Object.assign(new Error('canary'), { name: 'canary value' }), 'failed', 'Error'],
    ['something that is no error', 'canary', 'failed', 'Error'],
  ])('that ends in %s says so by its class only, and throws what was thrown', async (_what, thrown, result, code) => {
    const { audit, sink } = await testAudit();
    const change = audit.auditor.change(entry(), async () => {
      throw thrown;
    });
    await expect(change).rejects.toBe(thrown);
    expect(engineRecords(sink).at(-1)).toMatchObject({ phase: 'outcome', result, code });
    expect(sink.writes.join('')).not.toContain('canary');
  });

  it('that may not be written down as it is, is not made', async () => {
    const { audit, sink } = await testAudit();
    let made = false;
    const change = audit.auditor.change(entry({ object: { kind: 'secret', name: 'no such name!' } }), async () => {
      made = true;
      return {};
    });
    await expect(change).rejects.toThrow('object.name');
    expect(made).toBe(false);
    expect(sink.writes.join('')).not.toContain('no such');
  });
});

describe('a read', () => {
  it('is one record, there before the answer', async () => {
    const { audit, sink } = await testAudit();
    await audit.auditor.read({ ...entry({ operation: 'SecretGet' }), counter: 9 });
    expect(engineRecords(sink)).toMatchObject([{ phase: 'read', operation: 'SecretGet', counter: 9, result: 'ok' }]);
  });

  it('that was not allowed says why', async () => {
    const { audit, sink } = await testAudit();
    await audit.auditor.read({ ...entry({ operation: 'SecretSync' }), refused: 'VaultDeleting' });
    expect(engineRecords(sink)).toMatchObject([{ phase: 'read', result: 'refused', code: 'VaultDeleting' }]);
  });

  it('gets no answer without a record', async () => {
    const { audit, sink } = await testAudit();
    sink.failure = errno('EIO');
    await expect(audit.auditor.read(entry({ operation: 'SecretGet' }))).rejects.toMatchObject({ code: 'AuditUnavailable' });
  });
});

it('says in the error what a person can do, with the code of the system and not its message', async () => {
  const { audit, sink } = await testAudit();
  sink.failure = errno('ENOSPC');
  await expect(audit.auditor.read(entry())).rejects.toThrow(/fake does not take records \(ENOSPC\)\. Nothing is read or changed/);
  await expect(audit.auditor.read(entry())).rejects.not.toThrow('nobody should see');
});
