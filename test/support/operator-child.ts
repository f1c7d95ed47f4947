import { writeSync } from 'node:fs';
import { kubeconfigFile } from '../../src/kube/config.ts';
import { HttpTransport } from '../../src/kube/http.ts';
import { createLog } from '../../src/observe/log.ts';
import { Operator } from '../../src/operator/operator.ts';
import { systemRandom } from '../../src/runtime/random.ts';
import { AgreeingTime, MovedClock } from './moved-clock.ts';

/**
 * An operator in a process of its own, for real signals. Its log goes to standard error. At the first fail point of the
 * given name it stops itself (SIGSTOP) right there, in the middle of its work: who started it can let it go on, or kill it.
 *
 * Arguments: a kubeconfig, how much faster its time runs, the fail point or nothing, its namespace.
 */
const [path = '', speed = '1', stopAt = '', namespace = ''] = process.argv.slice(2);
const clock = new MovedClock(0, Number(speed));
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

let stopped = false;
const transport = new HttpTransport(await kubeconfigFile(path, clock), { clock, userAgent: 'keystead/child' });
const operator = new Operator({
  transport: new AgreeingTime(transport, clock),
  deployment: { namespace, deniedDomains: [], restart: false },
  identity: `child-${systemRandom.bytes(4).toString('hex')}`,
  auditSink: { name: 'nowhere', append: () => Promise.resolve(), close: () => Promise.resolve() },
  clock,
  random: systemRandom,
  log: createLog({ level: 'debug', destination: process.stderr, clock }),
  failAt: (point) => {
    if (stopped || point !== stopAt) return;
    stopped = true;
    writeSync(2, `stopped at ${point}\n`);
    process.kill(process.pid, 'SIGSTOP');
  },
});
await operator.run(stop.signal);
