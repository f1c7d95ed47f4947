import type { ApiRequest, Transport } from '../../src/kube/transport.ts';
import type { FailPoint, Write } from '../../src/runtime/fail-point.ts';
import { OPERATOR_NAMESPACE, type OperatorChoices } from './operator.ts';

/** What a process announced by fail points, and what it then really sent. */
export class WriteCount {
  readonly announced = new Map<string, number>();
  readonly sent = new Map<string, number>();

  /** For `startOperator`. */
  get choices(): Required<Pick<OperatorChoices, 'failAt' | 'transport'>> {
    return {
      failAt: (point) => this.#announce(point),
      transport: (real) => this.#watching(real),
    };
  }

  #announce(point: FailPoint): void {
    const write = point.endsWith(':before') ? classOf[point.slice(0, -':before'.length) as Write] : undefined;
    if (write !== undefined) add(this.announced, write);
  }

  #watching(real: Transport): Transport {
    return {
      request: (request) => {
        const write = request.method === 'GET' ? undefined : classOfRequest(request);
        if (write !== undefined) add(this.sent, write);
        return real.request(request);
      },
      connection: () => real.connection(),
      serverTime: () => real.serverTime(),
      close: () => real.close(),
    };
  }
}

/** Writes as they can be told apart from outside. */
const classOf: Readonly<Record<Write, string>> = {
  record: 'stored',
  archive: 'stored',
  installation: 'stored',
  checkpoint: 'stored',
  'root-key': 'stored',
  'record-remove': 'removed',
  target: 'target',
  'target-delete': 'target removed',
  status: 'status',
  'deleted-vault': 'DeletedVault',
  workload: 'workload',
  identity: 'identity',
};

/** Leases and events are no state that anything hangs on, so nobody dies of them. Whatever else is unknown stays unknown. */
function classOfRequest({ method, path }: ApiRequest): string | undefined {
  if (/\/(leases|events)(\/|$)/.test(path)) return undefined;
  if (path.endsWith('/status')) return 'status';
  if (path.includes('/deletedvaults')) return 'DeletedVault';
  if (path.startsWith('/apis/apps/')) return 'workload';
  if (path.startsWith(`/api/v1/namespaces/${OPERATOR_NAMESPACE}/secrets`)) return method === 'DELETE' ? 'removed' : 'stored';
  if (path.startsWith(`/api/v1/namespaces/${OPERATOR_NAMESPACE}/configmaps`)) return 'identity';
  if (/^\/api\/v1\/namespaces\/[^/]+\/secrets/.test(path)) return method === 'DELETE' ? 'target removed' : 'target';
  return `${method} ${path}`;
}

function add(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
