import { describe, expect, it } from '@jest/globals';
import { Steps } from '../../../src/cli/dev/steps.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { testIo, type TestIo } from './io.ts';

async function shown(io: TestIo, clock: FakeClock): Promise<string> {
  const steps = new Steps(io);
  steps.heading('Things');
  await steps.step('Building', async (tell) => {
    tell('Building: half');
    tell('Building: half');
    await clock.advance(1_234);
    return { done: 'Built' };
  });
  await expect(steps.step('Failing', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  return io.stdout.text;
}

describe('progress', () => {
  it('is one line a step in a log, with how long it took', async () => {
    const clock = new FakeClock();
    expect(await shown(testIo({ clock }), clock)).toBe(`\nThings\n  ✓ ${'Built'.padEnd(78)}  1.2 s\n  ✗ ${'Failing'.padEnd(78)}  0.0 s\n`);
  });

  it('is rewritten in place on a terminal, once for each thing that is new', async () => {
    const clock = new FakeClock();
    const text = await shown(testIo({ clock, terminal: true }), clock);
    const lines = text.split('\u001b[2K').map((line) => line.replaceAll(/\p{Cc}\[\d+m/gu, '').trim());
    expect(lines).toEqual(['Things', '… Building', '… Building: half', expect.stringMatching(/^✓ Built +1\.2 s$/), '… Failing', expect.stringMatching(/^✗ Failing +0\.0 s$/)]);
  });

  it('tells of programs that are being built on stderr, where no line can be rewritten', async () => {
    const io = testIo();
    const steps = new Steps(io);
    await steps.step('Starting', async () => {
      steps.progress('building etcd');
      return { done: 'Started' };
    });
    expect(io.stderr.text).toBe('  building etcd\n');
  });
});
