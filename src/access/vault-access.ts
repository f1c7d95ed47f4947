import type { CompiledPolicy } from './policy.ts';

/** The policies that speak of one subject: what a request has to look at, Deny first. */
export interface SubjectPolicies {
  readonly deny: readonly CompiledPolicy[];
  readonly allow: readonly CompiledPolicy[];
}

/**
 * The policies of one vault, indexed by subject, so that a request looks only at those that name its caller. Identity
 * strings are keys of maps and are compared whole; they are never joined or made part of a pattern.
 */
export interface VaultAccess {
  readonly users: ReadonlyMap<string, SubjectPolicies>;
  readonly groups: ReadonlyMap<string, SubjectPolicies>;
  /** By namespace, then by name. */
  readonly serviceAccounts: ReadonlyMap<string, ReadonlyMap<string, SubjectPolicies>>;
  /** Policies with `syncTo`, by the namespace that they list. */
  readonly sync: ReadonlyMap<string, SubjectPolicies>;
  /** The first Deny that can't be read: nothing is allowed while there is one. */
  readonly unreadable: string | undefined;
}

/** Builds the index of one vault. All policies must be of that vault; who calls this chose them. */
export function vaultAccess(policies: readonly CompiledPolicy[]): VaultAccess {
  const users = new Map<string, Collected>();
  const groups = new Map<string, Collected>();
  const serviceAccounts = new Map<string, Map<string, Collected>>();
  const sync = new Map<string, Collected>();
  // By name, so that of several policies that allow the same the same one is always reported.
  for (const policy of policies.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    for (const subject of policy.subjects) {
      if (subject.kind === 'User') collect(users, subject.name, policy);
      else if (subject.kind === 'Group') collect(groups, subject.name, policy);
      else {
        const namespace = subject.namespace ?? '';
        const ofNamespace = serviceAccounts.get(namespace) ?? new Map<string, Collected>();
        serviceAccounts.set(namespace, ofNamespace);
        collect(ofNamespace, subject.name, policy);
      }
    }
    for (const namespace of policy.syncTo) collect(sync, namespace, policy);
  }
  return { users, groups, serviceAccounts, sync, unreadable: policies.find((policy) => policy.unreadable)?.name };
}

interface Collected {
  readonly deny: CompiledPolicy[];
  readonly allow: CompiledPolicy[];
}

function collect(into: Map<string, Collected>, key: string, policy: CompiledPolicy): void {
  const collected = into.get(key) ?? { deny: [], allow: [] };
  into.set(key, collected);
  const side = policy.effect === 'Deny' ? collected.deny : collected.allow;
  // The same subject may be listed twice.
  if (side.at(-1) !== policy) side.push(policy);
}

/** All policies of a cluster, kept as a watch tells of them; gives the index of each vault, built when first asked for. */
export class PolicyIndex {
  readonly #vaults = new Map<string, Map<string, CompiledPolicy>>();
  readonly #built = new Map<string, VaultAccess>();
  readonly #vaultOf = new Map<string, string>();

  /** Takes a policy in, in place of an earlier one of the same name. */
  put(policy: CompiledPolicy): void {
    this.remove(policy.namespace, policy.name);
    const vault = `${policy.namespace}/${policy.vault}`;
    const policies = this.#vaults.get(vault) ?? new Map<string, CompiledPolicy>();
    this.#vaults.set(vault, policies);
    policies.set(policy.name, policy);
    this.#vaultOf.set(`${policy.namespace}/${policy.name}`, vault);
    this.#built.delete(vault);
  }

  /** The policy is gone; nothing happens if it was not known. */
  remove(namespace: string, name: string): void {
    const vault = this.#vaultOf.get(`${namespace}/${name}`);
    if (vault === undefined) return;
    this.#vaultOf.delete(`${namespace}/${name}`);
    this.#built.delete(vault);
    const policies = this.#vaults.get(vault);
    policies?.delete(name);
    if (policies?.size === 0) this.#vaults.delete(vault);
  }

  /** What is in force for a vault; of an unknown vault, nothing is allowed to anybody. */
  of(namespace: string, vault: string): VaultAccess {
    const key = `${namespace}/${vault}`;
    const policies = this.#vaults.get(key);
    const built = this.#built.get(key) ?? vaultAccess([...(policies?.values() ?? [])]);
    // Unknown vaults are not kept: their names come from requests.
    if (policies !== undefined) this.#built.set(key, built);
    return built;
  }
}
