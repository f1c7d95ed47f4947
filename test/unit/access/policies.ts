import type { AccessPolicy, AccessPolicySpecInput } from '../../../src/api/access-policy.ts';
import type { CompiledPolicy } from '../../../src/access/policy.ts';
import { compilePolicy } from '../../../src/access/policy.ts';

/** An AccessPolicy of vault `app` in namespace `team`; a test states only what it is about. */
export function accessPolicy(name: string, spec: Partial<AccessPolicySpecInput>, metadata: { deletionTimestamp?: string; namespace?: string } = {}): AccessPolicy {
  return {
    apiVersion: 'keystead.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name, namespace: 'team', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    spec: { vaultRef: { name: 'app' }, ...spec },
  };
}

/** The same, compiled; it must be one that says something. */
export function compiled(name: string, spec: Partial<AccessPolicySpecInput>, metadata: { deletionTimestamp?: string; namespace?: string } = {}): CompiledPolicy {
  const policy = compilePolicy(accessPolicy(name, spec, metadata));
  if (policy === undefined) throw new Error(`policy ${name} says nothing`);
  return policy;
}
