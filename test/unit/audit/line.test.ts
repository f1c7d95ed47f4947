import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { auditKeys, lineMac, openLine, sealLine } from '../../../src/audit/chain.ts';
import { LINE_START, lineContent } from '../../../src/audit/line.ts';
import type { AuditRecord } from '../../../src/audit/record.ts';
import { entry, KEY } from './support.ts';

const at = { time: new Date('2026-01-01T00:00:00Z'), writer: 'w', seq: 1, previous: '' };
const record: AuditRecord = { ...entry(), phase: 'intent' };

function written(value: unknown): string {
  return `${lineContent(value as AuditRecord, at)}}`;
}

describe('an audit line', () => {
  it('says what was done, to what, by whom, on whose behalf, in a fixed order', () => {
    const full: AuditRecord = {
      operation: 'CertificateIssue',
      phase: 'outcome',
      vault: { id: 'a1b2', namespace: 'team-a', name: 'payments' },
      object: { kind: 'certificate', name: 'web', version: '0123abcd' },
      actor: { kind: 'user', username: 'system:serviceaccount:team-a:web', uid: 'u-1' },
      resource: { kind: 'VaultCertificate', namespace: 'team-a', name: 'web', uid: 'u-2' },
      correlation: 'r-1',
      intent: 4,
      counter: 7,
      headHash: 'ab'.repeat(32),
      result: 'ok',
    };
    expect(written(full)).toBe(
      '{"audit":1,"time":"2026-01-01T00:00:00.000Z","writer":"w","seq":1,"phase":"outcome","operation":"CertificateIssue",' +
        '"vault":{"id":"a1b2","namespace":"team-a","name":"payments"},"object":{"kind":"certificate","name":"web","version":"0123abcd"},' +
        '"actor":{"kind":"user","username":"system:serviceaccount:team-a:web","uid":"u-1"},' +
        '"resource":{"kind":"VaultCertificate","namespace":"team-a","name":"web","uid":"u-2"},' +
        `"correlation":"r-1","intent":4,"counter":7,"headHash":"${'ab'.repeat(32)}","result":"ok","previous":""}`,
    );
  });

  it('never holds anything that the engine has beside the named fields, whatever that is and wherever it hangs', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }).map((text) => `canary${text}`), fc.anything(), fc.string(), (canary, anything, key) => {
        const extra = { [key]: canary, value: canary, data: Buffer.from(canary), head: { secret: canary, anything }, message: canary, error: new Error(canary) };
        const polluted = {
          ...extra,
          ...record,
          vault: { ...extra, ...record.vault },
          object: { ...extra, ...record.object },
          actor: { ...extra, ...record.actor },
          resource: { ...extra, kind: 'VaultSecret', namespace: 'n', name: 'r', uid: 'u' },
        };
        fc.pre(!['version', 'uid', 'correlation', 'intent', 'expectedCounter', 'counter', 'headHash', 'result', 'code', 'checkpoint', '__proto__'].includes(key));
        expect(written(polluted)).not.toContain('canary');
      }),
    );
  });

  it('refuses a value that strayed into a named field, and does not say it', () => {
    const canary = 'canary: p4ss w0rd!';
    const strays: unknown[] = [canary, Buffer.from(canary), { toString: () => canary, toJSON: () => canary }, [canary], 7, null, undefined];
    const places: ((stray: unknown) => object)[] = [
      (name) => ({ object: { kind: 'secret', name } }),
      (kind) => ({ object: { kind, name: 'n' } }),
      (id) => ({ vault: { id, namespace: 'n', name: 'v' } }),
      (namespace) => ({ vault: { id: 'i', namespace, name: 'v' } }),
      (uid) => ({ resource: { kind: 'VaultSecret', namespace: 'n', name: 'r', uid } }),
      (operation) => ({ operation }),
      (headHash) => ({ headHash: headHash ?? canary }),
      (counter) => ({ counter: typeof counter === 'number' ? -1 : (counter ?? canary) }),
      (code) => ({ code: code ?? canary }),
      (checkpoint) => ({ checkpoint: { writer: 'w', seq: 1, mac: checkpoint } }),
    ];
    for (const place of places) {
      for (const stray of strays) {
        let message = '';
        try {
          written({ ...record, ...place(stray) });
        } catch (error) {
          message = (error as TypeError).message;
        }
        expect(message).toMatch(/^audit: /);
        expect(message).not.toContain('canary');
      }
    }
  });

  it('spells any username in printable ASCII on one line that reads back as the same name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 256 }), (username) => {
        const text = written({ ...record, actor: { kind: 'user', username } });
        expect(text).toMatch(/^[ -~]+$/);
        const spelled = (JSON.parse(text) as { actor: { username: string } }).actor.username;
        expect(username.length > 256 ? username : spelled).toBe(username);
      }),
    );
  });

  it('cuts a username that is too long, and still tells two with the same beginning apart', () => {
    const long = (end: string): string => written({ ...record, actor: { kind: 'user', username: 'x'.repeat(5000) + end } });
    expect(long('a').length).toBeLessThan(700);
    expect(long('a')).not.toBe(long('b'));
  });

  it('begins in the way that tells it from a log line', () => {
    expect(written(record).startsWith(LINE_START)).toBe(true);
  });
});

describe('the seal of a line', () => {
  const keys = auditKeys(KEY);
  const content = lineContent(record, at);
  const line = sealLine(content, lineMac(keys, content)).slice(0, -1);

  it('opens under the key that it was made with, and under no other', () => {
    expect(openLine(keys, line)?.content).toBe(content);
    expect(openLine(auditKeys(Buffer.alloc(32, 6)), line)).toBeUndefined();
  });

  it('breaks with any single changed, added or missing character', () => {
    fc.assert(
      fc.property(fc.nat({ max: line.length - 1 }), fc.string({ unit: 'grapheme', minLength: 0, maxLength: 2 }), (place, put) => {
        const changed = line.slice(0, place) + put + line.slice(place + 1);
        expect(changed === line || openLine(keys, changed) === undefined).toBe(true);
      }),
    );
    expect(openLine(keys, `${line} `)).toBeUndefined();
    expect(openLine(keys, '')).toBeUndefined();
  });

  it('needs a key of full length', () => {
    expect(() => auditKeys(Buffer.alloc(31))).toThrow('32 bytes');
  });
});
