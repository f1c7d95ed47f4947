import { describe, expect, it } from '@jest/globals';
import { Metrics } from '../../../src/observe/metrics.ts';
import { renderMetricsDoc } from '../../../src/observe/metrics-doc.ts';
import { errorFields } from '../../../src/observe/error-fields.ts';
import { Controller } from '../../../src/runtime/controller.ts';
import { KeysteadError } from '../../../src/api/error.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { WorkQueue } from '../../../src/runtime/queue.ts';
import { systemRandom } from '../../../src/runtime/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';

async function series(metrics: Metrics, prefix: string): Promise<Record<string, number>> {
  const { body } = await metrics.text();
  const lines = body.split('\n').filter((line) => line.startsWith(prefix) && !line.includes('_bucket{'));
  return Object.fromEntries(lines.map((line): [string, number] => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

describe('metrics of controllers and queues', () => {
  it('exist at 0 before anything happens, under the names that dashboards know', async () => {
    const metrics = new Metrics({ version: '1' });
    metrics.controllers.of('vault', 4);
    metrics.queues.of('vault');
    await expect(series(metrics, 'controller_runtime')).resolves.toEqual({
      'controller_runtime_reconcile_total{controller="vault",result="success"}': 0,
      'controller_runtime_reconcile_total{controller="vault",result="error"}': 0,
      'controller_runtime_reconcile_total{controller="vault",result="requeue"}': 0,
      'controller_runtime_reconcile_total{controller="vault",result="requeue_after"}': 0,
      'controller_runtime_reconcile_errors_total{controller="vault"}': 0,
      'controller_runtime_terminal_reconcile_errors_total{controller="vault"}': 0,
      'controller_runtime_reconcile_time_seconds_sum{controller="vault"}': 0,
      'controller_runtime_reconcile_time_seconds_count{controller="vault"}': 0,
      'controller_runtime_max_concurrent_reconciles{controller="vault"}': 4,
      'controller_runtime_active_workers{controller="vault"}': 0,
    });
    await expect(series(metrics, 'workqueue')).resolves.toMatchObject({
      'workqueue_adds_total{name="vault"}': 0,
      'workqueue_retries_total{name="vault"}': 0,
      'workqueue_queue_duration_seconds_count{name="vault"}': 0,
      'workqueue_work_duration_seconds_count{name="vault"}': 0,
    });
  });

  it('follow a real queue and a real controller', async () => {
    const clock = new FakeClock();
    const metrics = new Metrics({ version: '1' });
    const queue = new WorkQueue({ clock, random: systemRandom, backoff: { baseMs: 1000, maxMs: 1000 }, metrics: metrics.queues.of('q') });
    metrics.queues.ask('q', queue);
    const gate = Promise.withResolvers<void>();
    const reconcile = async (key: string) => {
      if (key === 'slow') {
        await gate.promise;
      } else if (key === 'stalled') {
        throw new KeysteadError('Internal', 'no', 'stalled');
      }
      return {};
    };
    const controller = new Controller({ name: 'c', reconcile, queue, workers: 1, clock, log: silentLog, errorFields, metrics: metrics.controllers.of('c', 1) });
    ['slow', 'stalled', 'quick'].forEach((key) => queue.add(key));
    const stop = new AbortController();
    const run = controller.run({ stop: stop.signal });
    await clock.advance(2_000);
    await expect(series(metrics, 'workqueue')).resolves.toMatchObject({
      'workqueue_depth{name="q"}': 2,
      'workqueue_unfinished_work_seconds{name="q"}': 2,
      'workqueue_longest_running_processor_seconds{name="q"}': 2,
    });
    await expect(series(metrics, 'controller_runtime_active')).resolves.toEqual({ 'controller_runtime_active_workers{controller="c"}': 1 });
    gate.resolve();
    await clock.advance(0);
    await expect(series(metrics, 'controller_runtime')).resolves.toMatchObject({
      'controller_runtime_reconcile_total{controller="c",result="success"}': 2,
      'controller_runtime_reconcile_total{controller="c",result="error"}': 1,
      'controller_runtime_reconcile_errors_total{controller="c"}': 1,
      'controller_runtime_terminal_reconcile_errors_total{controller="c"}': 1,
      'controller_runtime_reconcile_time_seconds_sum{controller="c"}': 2,
      'controller_runtime_active_workers{controller="c"}': 0,
    });
    await expect(series(metrics, 'workqueue')).resolves.toMatchObject({ 'workqueue_depth{name="q"}': 0, 'workqueue_queue_duration_seconds_count{name="q"}': 3 });
    stop.abort();
    await run;
  });
});

describe('metrics of Keystead', () => {
  it('show certificates as long as their resources are there, and none before it was issued', async () => {
    const metrics = new Metrics({ version: '1' });
    let certificates = [
      { namespace: 'a', name: 'web', vault: 'v', notAfter: new Date(1_800_000_000_000) },
      { namespace: 'a', name: 'new', vault: 'v', notAfter: undefined },
    ];
    metrics.askCertificates(() => certificates);
    metrics.askRecords(() => [['object', 3], ['vault', 1]]);
    await expect(series(metrics, 'keystead_certificate_not')).resolves.toEqual({
      'keystead_certificate_not_after_timestamp_seconds{namespace="a",name="web",vault="v"}': 1_800_000_000,
    });
    await expect(series(metrics, 'keystead_records')).resolves.toEqual({ 'keystead_records{kind="object"}': 3, 'keystead_records{kind="vault"}': 1 });
    certificates = [];
    await expect(series(metrics, 'keystead_certificate_not')).resolves.toEqual({});
  });

  it('are told by the parts of the program', async () => {
    const metrics = new Metrics({ version: '1.2.3' });
    metrics.audit.accepted(3);
    metrics.audit.unavailable(true);
    metrics.knownIssuer('ca');
    metrics.issued('ca', 'success');
    metrics.askClockUntrusted(() => true);
    metrics.leading('keystead-operator', true);
    metrics.answered('PUT', '409', 'api:443');
    expect({ ...(await series(metrics, 'keystead_')), ...(await series(metrics, 'leader')), ...(await series(metrics, 'rest')) }).toEqual({
      'keystead_audit_lines_total': 3,
      'keystead_audit_unavailable': 1,
      'keystead_issues_total{issuer="ca",result="success"}': 1,
      'keystead_issues_total{issuer="ca",result="error"}': 0,
      'keystead_clock_untrusted': 1,
      [`keystead_build_info{version="1.2.3",node="${process.version}"}`]: 1,
      'leader_election_master_status{name="keystead-operator"}': 1,
      'rest_client_requests_total{code="409",method="PUT",host="api:443"}': 1,
    });
  });

  it('of the process are read when asked', async () => {
    const values = await series(new Metrics({ version: '1' }), 'process_');
    expect(values['process_resident_memory_bytes']).toBeGreaterThan(10_000_000);
    expect(values['process_start_time_seconds']).toBeGreaterThan(1_600_000_000);
  });

  it('of two programs in one process do not meet', async () => {
    const [one, other] = [new Metrics({ version: '1' }), new Metrics({ version: '1' })];
    one.audit.accepted(1);
    await expect(series(other, 'keystead_audit_lines')).resolves.toEqual({ keystead_audit_lines_total: 0 });
  });
});

it('the page about metrics lists every one with its labels', async () => {
  const page = renderMetricsDoc();
  expect(page).toContain('| `workqueue_depth` | gauge | `name` |');
  expect(page).toContain('| `rest_client_requests_total` | counter | `code`, `method`, `host` |');
  const { body } = await new Metrics({ version: '1' }).text();
  const names = [...body.matchAll(/^# TYPE (\S+) /gm)].map((match) => match[1] ?? '');
  expect(names.length).toBeGreaterThan(25);
  expect([...page.matchAll(/^\| `(\S+)`/gm)].map((match) => match[1])).toEqual(names.toSorted());
});
