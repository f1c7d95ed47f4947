/** One call to the API server, before it is HTTP: the seam for fault injection and for guards. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Escaped already. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  /** From the first attempt to connect to the last byte; default 30 s. */
  readonly timeoutMs?: number;
}

export interface ApiResponse {
  readonly status: number;
  readonly body: string;
  /** What a Retry-After header asks for. */
  readonly retryAfterMs: number | undefined;
}

export interface ApiStream {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** Bytes as they come; iterating may throw when the connection breaks. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A connection that carries one stream at a time, so that a stalled one hurts nobody else. */
export interface StreamConnection {
  open(request: ApiRequest): Promise<ApiStream>;
  /** Closes the socket at once, whatever state it is in. The connection cannot be used again. */
  destroy(): void;
}

/** The API server's clock, from the `Date` header of its last answer (whole seconds). */
export interface ServerTime {
  readonly date: Date;
  /** Our monotonic time when that answer came. */
  readonly atMonotonic: number;
}

export interface Transport {
  /**
   * Sends a request and reads the whole answer, whatever its status.
   * @throws ConnectionError when there is no answer; the signal's reason when it was aborted.
   */
  request(request: ApiRequest): Promise<ApiResponse>;
  connection(): StreamConnection;
  serverTime(): ServerTime | undefined;
  close(): Promise<void>;
}
