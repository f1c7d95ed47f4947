import type { OperationRequest, PendingCertificate, PendingOperation } from '../../vault/object-record.ts';
import { stateOfCertificate, type Gathered } from './facts.ts';
import { needOrder, type Need } from './need.ts';

/** An operation that went outside and is not answered yet. */
export interface OpenOperation extends PendingOperation {
  readonly state: 'inProgress';
  readonly request: OperationRequest;
  readonly pending: PendingCertificate;
}

/** The operation in progress, if there is one. */
export function openOperation(facts: Pick<Gathered, 'head'>): OpenOperation | undefined {
  const operation = facts.head?.certificate?.operation;
  if (operation?.state !== 'inProgress' || operation.request === undefined || operation.pending === undefined) return undefined;
  return { ...operation, state: 'inProgress', request: operation.request, pending: operation.pending };
}

/** Whether it was opened by this resource and for what the spec says now; anything else makes it void. */
export function isStillWanted({ request }: Pick<OpenOperation, 'request'>, { inputs, resource }: Pick<Gathered, 'inputs' | 'resource'>): boolean {
  return request.inputs === inputs && request.requester === resource.uid;
}

/** Why it was opened. */
export function needOfOperation({ reason }: Pick<PendingOperation, 'reason'>): Need {
  return needOrder.find((need) => need === reason) ?? 'NotIssued';
}

/** Whether somebody cancelled the operation for just what is wanted now. One that became void does not count. */
export function wasCancelled(facts: Gathered): boolean {
  const operation = stateOfCertificate(facts)?.operation;
  return operation?.state === 'cancelled' && operation.request !== undefined && isStillWanted({ request: operation.request }, facts);
}
