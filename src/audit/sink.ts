/**
 * Where audit lines go. Sinks come from the deployment's configuration only, never from a resource of a tenant
 * (CVE-2025-54997: a log path under the caller's control was code execution).
 */
export interface AuditSink {
  /** For logs and errors. */
  readonly name: string;
  /**
   * Writes whole lines. Resolves when the operating system has taken all of them (write(2) returned, decisions 59),
   * never when they are merely in a buffer of ours. Called again only after the last call ended. When it rejects, some
   * bytes may have been written: the caller then calls again with the same buffer, and the sink goes on where it was.
   */
  append(lines: Buffer): Promise<void>;
  /** Gives the file back; nothing is appended afterwards. */
  close(): Promise<void>;
}

/**
 * Accepts lines when all of `sinks` have. One that fails holds up the others' next lines, so none falls behind.
 * @throws RangeError when there is none: an audit log that goes nowhere must not look like one
 */
export function multiSink(sinks: readonly AuditSink[]): AuditSink {
  if (sinks.length === 0) {
    throw new RangeError('there must be at least one audit sink');
  }
  const accepted = new Map<AuditSink, Buffer>();
  return {
    name: sinks.map((sink) => sink.name).join(', '),
    async append(lines) {
      const results = await Promise.allSettled(
        sinks.map(async (sink) => {
          if (accepted.get(sink) !== lines) {
            await sink.append(lines);
            accepted.set(sink, lines);
          }
        }),
      );
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) {
        throw failed.reason;
      }
      accepted.clear();
    },
    async close() {
      await Promise.all(sinks.map((sink) => sink.close()));
    },
  };
}
