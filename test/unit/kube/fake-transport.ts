import { ApiError } from '../../../src/kube/errors.ts';
import type { ApiRequest, ApiResponse, ApiStream, ServerTime, StreamConnection, Transport } from '../../../src/kube/transport.ts';

/** The server's end of a stream that a test writes to. */
export class FakeStream {
  readonly request: ApiRequest;
  status = 200;
  retryAfterMs: number | undefined;
  readonly #chunks: Uint8Array[] = [];
  #end: { error?: Error } | undefined;
  #wake: () => void = () => undefined;

  constructor(request: ApiRequest) {
    this.request = request;
  }

  get query(): NonNullable<ApiRequest['query']> {
    return this.request.query ?? {};
  }

  send(...events: object[]): void {
    events.forEach((event) => this.sendBytes(Buffer.from(`${JSON.stringify(event)}\n`)));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#wake();
  }

  end(error?: Error): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake();
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
      } else if (this.#end !== undefined) {
        if (this.#end.error !== undefined) {
          throw this.#end.error;
        }
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** A transport without a network: calls are answered by a function, streams are held open for the test. */
export class FakeTransport implements Transport {
  readonly requests: ApiRequest[] = [];
  readonly streams: FakeStream[] = [];
  connections = 0;
  destroyed = 0;
  /** Answers a call; an object becomes a 200, an ApiResponse goes as it is, and what is thrown is thrown. */
  answer: (request: ApiRequest) => object | Promise<object> = () => ({});
  /** Told of each stream before it is opened; may refuse by setting its status. */
  onStream: (stream: FakeStream) => void = () => undefined;

  async request(request: ApiRequest): Promise<ApiResponse> {
    request.signal?.throwIfAborted();
    this.requests.push(request);
    const answer = await this.answer(request);
    return isResponse(answer) ? answer : { status: 200, body: JSON.stringify(answer), retryAfterMs: undefined };
  }

  connection(): StreamConnection {
    this.connections += 1;
    const open: FakeStream[] = [];
    let destroyed = false;
    return {
      open: async (request): Promise<ApiStream> => {
        const stream = new FakeStream(request);
        open.push(stream);
        this.streams.push(stream);
        request.signal?.addEventListener('abort', () => stream.end(new Error('aborted')));
        this.onStream(stream);
        return { status: stream.status, retryAfterMs: stream.retryAfterMs, chunks: stream.chunks() };
      },
      destroy: () => {
        this.destroyed += destroyed ? 0 : 1;
        destroyed = true;
        open.forEach((stream) => stream.end(new Error('destroyed')));
      },
    };
  }

  /** The newest stream. @throws if there is none. */
  get stream(): FakeStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) {
      throw new Error('no stream was opened');
    }
    return stream;
  }

  serverTime(): ServerTime | undefined {
    return undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A refusal as it is on the wire. */
export function refusal(status: number, reason: string, retryAfterMs?: number): ApiResponse {
  return { status, body: JSON.stringify({ kind: 'Status', code: status, reason, message: reason }), retryAfterMs };
}

export function apiError(status: number, reason: string): ApiError {
  return new ApiError(status, { reason }, 'test');
}

function isResponse(answer: object): answer is ApiResponse {
  return 'body' in answer && 'status' in answer;
}
