/** One thing that readiness depends on. */
export interface HealthCheck {
  /** Lower case with hyphens, such as `informers-synced`. */
  readonly name: string;
  /** Whether it is well now; quick, since every probe asks. */
  check(): boolean;
}

export interface HealthReport {
  readonly healthy: boolean;
  /** One line a check, in the way of the Kubernetes API server's /readyz?verbose. */
  readonly text: string;
}

/**
 * Whether this process may be sent work. Liveness is another question and has no checks: a process that answers at all
 * is alive. Neither leadership nor the API server makes it less so, or a failing API server would have every pod of
 * Keystead restarted (decisions 47).
 */
export class Health {
  readonly #checks: HealthCheck[] = [];

  add(check: HealthCheck): void {
    this.#checks.push(check);
  }

  readiness(): HealthReport {
    const results = this.#checks.map((check) => ({ name: check.name, ok: check.check() }));
    const healthy = results.every(({ ok }) => ok);
    const lines = results.map(({ name, ok }) => (ok ? `[+]${name} ok` : `[-]${name} not ready`));
    return { healthy, text: [...lines, healthy ? 'ready' : 'not ready', ''].join('\n') };
  }
}
