import type { Reason } from '../../../src/api/reasons.ts';

/** What a resource says, and what Argo CD is to make of it; the same for all kinds. */
export interface HealthCase {
  readonly name: string;
  readonly expected: 'Healthy' | 'Progressing' | 'Degraded';
  readonly message: string;
  readonly status: object | undefined;
}

const GENERATION = 2;

interface Said {
  readonly type: 'Ready' | 'Stalled' | 'Reconciling';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
}

function status(observedGeneration: number, ...conditions: readonly Said[]): object {
  return { observedGeneration, conditions: conditions.map((one) => ({ ...one, observedGeneration, lastTransitionTime: '2026-01-01T00:00:00Z' })) };
}

const ready: Said = { type: 'Ready', status: 'True', reason: 'Ready', message: 'Everything is in place.' };
const operator = 'Waiting for the Keystead operator';
const noVault: Said = { type: 'Ready', status: 'False', reason: 'VaultNotFound', message: 'Vault app does not exist in namespace team-a. Create it.' };
const conflict: Said = { type: 'Ready', status: 'False', reason: 'Conflict', message: 'Another resource declares this object.' };
const tampered: Said = { type: 'Ready', status: 'False', reason: 'RecordTampered', message: 'The record was changed by somebody else.' };

export const healthCases: readonly HealthCase[] = [
  { name: 'progressing_noStatus', expected: 'Progressing', message: operator, status: undefined },
  // As the schema's default has it (decisions 49).
  { name: 'progressing_notLookedAt', expected: 'Progressing', message: operator, status: { observedGeneration: -1 } },
  { name: 'progressing_olderGeneration', expected: 'Progressing', message: operator, status: status(GENERATION - 1, ready) },
  { name: 'progressing_noReady', expected: 'Progressing', message: operator, status: status(GENERATION) },
  { name: 'progressing_readyUnknown', expected: 'Progressing', message: ready.message, status: status(GENERATION, { ...ready, status: 'Unknown' }) },
  {
    name: 'progressing_reconciling', expected: 'Progressing', message: tampered.message,
    status: status(GENERATION, tampered, { ...ready, type: 'Reconciling', reason: 'Reconciling' }),
  },
  { name: 'progressing_waitsForAnother', expected: 'Progressing', message: noVault.message, status: status(GENERATION, noVault) },
  { name: 'degraded_stalled', expected: 'Degraded', message: conflict.message, status: status(GENERATION, conflict, { ...conflict, type: 'Stalled', status: 'True' }) },
  // The order of conditions means nothing.
  { name: 'degraded_stalledFirst', expected: 'Degraded', message: conflict.message, status: status(GENERATION, { ...conflict, type: 'Stalled', status: 'True' }, noVault) },
  { name: 'degraded_notReady', expected: 'Degraded', message: tampered.message, status: status(GENERATION, tampered) },
  { name: 'healthy', expected: 'Healthy', message: ready.message, status: status(GENERATION, ready) },
  {
    name: 'healthy_renewalWaits', expected: 'Healthy', message: 'The certificate is valid; its renewal waits.',
    status: status(GENERATION, { ...ready, reason: 'RenewalWaiting', message: 'The certificate is valid; its renewal waits.' }),
  },
];

/** Another resource, or a consent of somebody else, ends these; typically the same sync brings it. */
export const waitingReasons: readonly Reason[] = [
  'CaNotFound', 'CaNotReady', 'IssuerNotAllowed', 'IssuerNotFound', 'MergeNotAllowed', 'NamespaceMissing', 'RecordChanged', 'SourceMissing', 'SyncNotAllowed',
  'TargetDeleting', 'VaultNotFound', 'VaultNotReady', 'WaitingForValue',
];

export function resourceOf(kind: string, scope: 'Namespaced' | 'Cluster', health: HealthCase): object {
  return {
    apiVersion: 'keystead.dev/v1alpha1',
    kind,
    metadata: { name: scope === 'Cluster' ? 'team-a.app' : 'app', ...(scope === 'Cluster' ? {} : { namespace: 'team-a' }), generation: GENERATION },
    spec: {},
    ...(health.status === undefined ? {} : { status: health.status }),
  };
}
