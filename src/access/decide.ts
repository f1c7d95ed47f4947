import { canonicalName } from '../crypto/canonical.ts';
import type { ObjectKind, PermissionWords } from './permissions.ts';
import type { CompiledPolicy } from './policy.ts';
import { covers } from './policy.ts';
import type { SubjectPolicies, VaultAccess } from './vault-access.ts';

/**
 * This folder says who may do what: the contents of a vault by AccessPolicies (here), the resources by guards at the API
 * server (guards/). It only computes: it talks to nobody, reads no clock and logs nothing. It may import api and crypto.
 */

/** Who asks, as authentication established it. Nothing of it is ever parsed again here. */
export interface Caller {
  readonly username: string;
  readonly groups: readonly string[];
  /** Set only where a token proved it; a user name that looks like one is no ServiceAccount. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
}

/**
 * What is asked for. `name` is the object's; undefined where the whole collection, or something of the vault as a whole,
 * is meant: a list of all objects, contacts, issuers.
 */
export type AccessRequest = {
  readonly [K in ObjectKind]: { readonly objectKind: K; readonly permission: PermissionWords[K]; readonly name?: string | undefined };
}[ObjectKind];

/** The answer, with the policy that made it, for the audit record. Neither is set when no policy speaks of the request. */
export interface Decision {
  readonly allowed: boolean;
  readonly by?: string;
  readonly deniedBy?: string;
}

/**
 * Decides one request on the contents of a vault. Nothing is allowed that no policy allows, and a Deny always wins.
 *
 * A request without a name is about every object of the vault. So an Allow that is limited to some objects does not allow
 * it, as in Key Vault, where a condition on names makes a list answer 403 rather than show a part; and a Deny of any
 * object denies it, or the list would show what is denied. Versions of one object are listed under that object's name.
 */
export function decide(access: VaultAccess, caller: Caller, request: AccessRequest): Decision {
  if (access.unreadable !== undefined) return { allowed: false, deniedBy: access.unreadable };
  const name = request.name === undefined ? undefined : canonicalName(request.name);
  const ofCaller = policiesOf(access, caller);
  const denied = first(ofCaller, 'deny', (policy) => grants(policy, request) && (name === undefined || covers(policy.objects, name)));
  if (denied !== undefined) return { allowed: false, deniedBy: denied.name };
  const allowed = first(ofCaller, 'allow', (policy) =>
    grants(policy, request) && (name === undefined ? policy.objects === undefined : covers(policy.objects, name)));
  return allowed === undefined ? { allowed: false } : { allowed: true, by: allowed.name };
}

/** An object that is to be written into a Secret of a namespace, the vault's own one or another. */
export interface SyncRequest {
  /** Name of the object. */
  readonly name: string;
  readonly namespace: string;
}

/**
 * Whether the vault's policies let this object be synced into the namespace: one Allow lists it in `syncTo`, no Deny does,
 * each for the objects that it speaks of. Subjects and permissions play no part, since no caller reads. What a resource
 * declared itself needs no policy in its own namespace; the engine asks only where one is needed. Another namespace must
 * also consent: see `consents`.
 */
export function syncAllowed(access: VaultAccess, request: SyncRequest): Decision {
  if (access.unreadable !== undefined) return { allowed: false, deniedBy: access.unreadable };
  const name = canonicalName(request.name);
  const policies = access.sync.get(request.namespace);
  if (policies === undefined) return { allowed: false };
  const denied = first([policies], 'deny', (policy) => covers(policy.objects, name));
  if (denied !== undefined) return { allowed: false, deniedBy: denied.name };
  const allowed = first([policies], 'allow', (policy) => covers(policy.objects, name));
  return allowed === undefined ? { allowed: false } : { allowed: true, by: allowed.name };
}

function policiesOf(access: VaultAccess, caller: Caller): SubjectPolicies[] {
  const { serviceAccount } = caller;
  return [
    serviceAccount === undefined ? undefined : access.serviceAccounts.get(serviceAccount.namespace)?.get(serviceAccount.name),
    access.users.get(caller.username),
    ...caller.groups.map((group) => access.groups.get(group)),
  ].filter((policies) => policies !== undefined);
}

function grants(policy: CompiledPolicy, request: AccessRequest): boolean {
  const granted: ReadonlySet<string> = policy.granted[request.objectKind];
  return granted.has(request.permission);
}

function first(policies: readonly SubjectPolicies[], side: 'deny' | 'allow', applies: (policy: CompiledPolicy) => boolean): CompiledPolicy | undefined {
  for (const ofSubject of policies) {
    const found = ofSubject[side].find(applies);
    if (found !== undefined) return found;
  }
  return undefined;
}
