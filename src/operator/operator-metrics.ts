import { certificateExpiries } from '../controllers/vault-certificate/expiries.ts';
import type { World } from '../controllers/world.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { RecordKind } from '../store/store.ts';
import type { OperatorMetrics } from './operator.ts';
import { controllerNames } from './queues.ts';

const LEASE = 'keystead-operator';

/** Ties the operator to the metrics of its process. Every series that is not of an object exists from now on, at 0. */
export function operatorMetrics(metrics: Metrics): OperatorMetrics {
  metrics.leading(LEASE, false);
  for (const issuer of ['selfSigned', 'ca', 'external', 'import']) metrics.knownIssuer(issuer);
  return {
    queue: (name) => metrics.queues.of(name),
    controller: (name, workers) => metrics.controllers.of(name, workers),
    audit: metrics.audit,
    leading: (is) => metrics.leading(LEASE, is),
    issued: (issuer, result) => metrics.issued(issuer, result),
    opened(world) {
      metrics.askCertificates(() => certificateExpiries(world));
      metrics.askRecords(() => recordCounts(world));
      metrics.askClockUntrusted(() => !world.clockGuard.trusted());
    },
    working(queues) {
      for (const name of controllerNames) metrics.queues.ask(name, queues[name]);
    },
  };
}

/** Archives are not cached, so they are not counted here. */
function recordCounts({ vaults, objects }: World): readonly (readonly [RecordKind, number])[] {
  const all = [...vaults.heads()];
  const objectCount = all.reduce((sum, { vaultId }) => sum + objects.stats(vaultId).objects, 0);
  return [['vault', all.length], ['object', objectCount]];
}
