import { expect } from '@jest/globals';
import type { ControlPlaneAccess } from '../../src/cli/dev/access.ts';
import { operatorPermissions } from '../../src/operator/permissions.ts';
import { auditEvents, type AuditEvent, type AuditMark } from './audit-log.ts';
import { OPERATOR_NAMESPACE, OPERATOR_USER } from './operator.ts';

/** A refusal that a test provoked on purpose, by the API server's own words. */
export interface Expected {
  readonly since?: AuditMark;
  readonly refusals?: readonly RegExp[];
}

/**
 * Holds the API server's audit log against what the operator declares: it was refused nothing, but for what the test
 * expects, and each verb on each resource that it used stands in `operatorPermissions`, with the right reach.
 */
export async function expectOrderlyCalls(on: ControlPlaneAccess, { since, refusals = [] }: Expected = {}): Promise<void> {
  const events = await auditEvents(on, { user: OPERATOR_USER, ...(since === undefined ? {} : { since }) });
  expect(events.length).toBeGreaterThan(0);
  const refused = events.filter(({ responseStatus }) => responseStatus?.code === 403 && !refusals.some((known) => known.test(responseStatus.message ?? '')));
  expect(refused.map((event) => `${callOf(event)} ${event.requestURI}: ${event.responseStatus?.message ?? ''}`)).toEqual([]);
  const undeclared = events.filter((event) => event.objectRef?.resource !== undefined && !isDeclared(event));
  expect([...new Set(undeclared.map(callOf))]).toEqual([]);
}

function isDeclared({ verb, objectRef }: AuditEvent): boolean {
  const { resource = '', subresource, apiGroup = '', namespace, name } = objectRef ?? {};
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  return operatorPermissions.some((permission) =>
    permission.apiGroup === apiGroup &&
    permission.resource === full &&
    permission.verbs.some((one) => one === verb) &&
    (permission.resourceNames === undefined || permission.resourceNames.includes(name ?? '')) &&
    (permission.scope === 'cluster' || namespace === OPERATOR_NAMESPACE));
}

function callOf({ verb, objectRef }: AuditEvent): string {
  const { apiGroup = '', resource = '', subresource } = objectRef ?? {};
  return `${verb} ${apiGroup}/${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}
