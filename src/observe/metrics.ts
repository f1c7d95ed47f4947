import { Counter, Gauge, Registry } from 'prom-client';
import type { AuditMetrics } from '../audit/group-commit.ts';
import type { RecordKind } from '../store/store.ts';
import { ControllerRuntimeMetrics, WorkQueueMetrics } from './controller-metrics.ts';
import { registerProcessMetrics } from './process-metrics.ts';

export interface BuildInfo {
  readonly version: string;
}

/** A certificate as the metrics show it. All three are names of resources, never of what is in a vault. */
export interface CertificateExpiry {
  readonly namespace: string;
  readonly name: string;
  readonly vault: string;
  /** Undefined before it was issued. */
  readonly notAfter: Date | undefined;
}

export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

export type IssueResult = 'success' | 'error';

/**
 * All metrics of a process, in a registry of its own. Made in the wiring; every other part is given the small piece that
 * it tells or is asked for. docs/reference/metrics.md is generated from it.
 */
export class Metrics {
  readonly controllers: ControllerRuntimeMetrics;
  readonly queues: WorkQueueMetrics;
  readonly audit: AuditMetrics;
  readonly #registry = new Registry();
  readonly #requests: Counter<'code' | 'method' | 'host'>;
  readonly #leader: Gauge<'name'>;
  readonly #issues: Counter<'issuer' | 'result'>;
  #clockUntrusted: () => boolean = () => false;
  #certificates: () => Iterable<CertificateExpiry> = () => [];
  #records: () => Iterable<readonly [RecordKind, number]> = () => [];

  constructor(build: BuildInfo) {
    const registers = [this.#registry];
    this.controllers = new ControllerRuntimeMetrics(this.#registry);
    this.queues = new WorkQueueMetrics(this.#registry);
    this.audit = auditMetrics(this.#registry);
    registerProcessMetrics(this.#registry);
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server by status code, method and host; the code <error> stands for no answer.',
      labelNames: ['code', 'method', 'host'],
      registers,
    });
    this.#leader = new Gauge({ name: 'leader_election_master_status', help: '1 while this process holds the lease of that name, else 0.', labelNames: ['name'], registers });
    this.#issues = new Counter({
      name: 'keystead_issues_total',
      help: 'Certificates that issuers were asked for, by type of issuer and result.',
      labelNames: ['issuer', 'result'],
      registers,
    });
    new Gauge({ name: 'keystead_build_info', help: 'Always 1; the labels say what is running.', labelNames: ['version', 'node'], registers }).set(
      { version: build.version, node: process.version },
      1,
    );
    this.#asked(registers);
  }

  /** The answer to a scrape. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  /** For HttpTransport's `onAnswer`. */
  answered(method: string, code: string, host: string): void {
    this.#requests.inc({ code, method, host });
  }

  /** For LeaderElector's `onChange`; call it with false once at the start. */
  leading(name: string, is: boolean): void {
    this.#leader.set({ name }, is ? 1 : 0);
  }

  issued(issuer: string, result: IssueResult): void {
    this.#issues.inc({ issuer, result });
  }

  /** Has the series of a type of issuer exist, at 0, before anything was issued. */
  knownIssuer(issuer: string): void {
    this.#issues.inc({ issuer, result: 'success' }, 0);
    this.#issues.inc({ issuer, result: 'error' }, 0);
  }

  /** Names whom to ask whether the clock is trusted. */
  askClockUntrusted(untrusted: () => boolean): void {
    this.#clockUntrusted = untrusted;
  }

  /** Names whom to ask for the series of `certificates` when metrics are read: they come and go with the resources. */
  askCertificates(certificates: () => Iterable<CertificateExpiry>): void {
    this.#certificates = certificates;
  }

  /** Names whom to ask how many records there are. */
  askRecords(records: () => Iterable<readonly [kind: RecordKind, count: number]>): void {
    this.#records = records;
  }

  /** Every metric, for the documentation. */
  describe(): readonly MetricDescription[] {
    return this.#registry.getMetricsAsArray().map((metric) => {
      // prom-client keeps them at run time but leaves them out of the type.
      const labels: unknown = Reflect.get(metric, 'labelNames');
      return { name: metric.name, type: String(metric.type), help: metric.help, labels: Array.isArray(labels) ? labels.map(String) : [] };
    });
  }

  #asked(registers: Registry[]): void {
    const untrusted = (): boolean => this.#clockUntrusted();
    void new Gauge({
      name: 'keystead_clock_untrusted',
      help: '1 while the local clock and the API server are more than 5 minutes apart, and nothing irreversible is done by time.',
      registers,
      collect() {
        this.set(untrusted() ? 1 : 0);
      },
    });
    const certificates = (): Iterable<CertificateExpiry> => this.#certificates();
    const records = (): Iterable<readonly [RecordKind, number]> => this.#records();
    void new Gauge({
      name: 'keystead_certificate_not_after_timestamp_seconds',
      help: 'When the current certificate of a VaultCertificate expires, in seconds since 1970.',
      labelNames: ['namespace', 'name', 'vault'],
      registers,
      collect() {
        this.reset();
        for (const { namespace, name, vault, notAfter } of certificates()) {
          if (notAfter !== undefined) {
            this.set({ namespace, name, vault }, notAfter.getTime() / 1000);
          }
        }
      },
    });
    void new Gauge({
      name: 'keystead_records',
      help: 'Records in the store that this process knows, by kind.',
      labelNames: ['kind'],
      registers,
      collect() {
        this.reset();
        for (const [kind, count] of records()) {
          this.set({ kind }, count);
        }
      },
    });
  }
}

function auditMetrics(registry: Registry): AuditMetrics {
  const registers = [registry];
  const lines = new Counter({ name: 'keystead_audit_lines_total', help: 'Audit records that the sinks accepted.', registers });
  const unavailable = new Gauge({
    name: 'keystead_audit_unavailable',
    help: '1 while the audit sinks take no records, and nothing is read or changed.',
    registers,
  });
  return { accepted: (count) => lines.inc(count), unavailable: (is) => unavailable.set(is ? 1 : 0) };
}
