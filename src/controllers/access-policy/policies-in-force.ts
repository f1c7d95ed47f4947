import { compilePolicy, type CompiledPolicy } from '../../access/policy.ts';
import { PolicyIndex, type VaultAccess } from '../../access/vault-access.ts';
import { widens } from '../../access/widens.ts';
import { keyOf } from '../../kube/object.ts';
import type { AccessPolicyResource } from '../resources.ts';

/**
 * The policies that this process goes by. While a guard is missing nobody knows who wrote a policy, so a change that
 * widens access waits until the guards are back; what takes access away is in force at once (decisions 57).
 */
export class PoliciesInForce {
  readonly #guardsMissing: () => boolean;
  readonly #index = new PolicyIndex();
  readonly #inForce = new Map<string, CompiledPolicy>();
  readonly #pending = new Map<string, AccessPolicyResource>();

  constructor(guardsMissing: () => boolean) {
    this.#guardsMissing = guardsMissing;
  }

  /** What is in force for a vault. */
  of(namespace: string, vault: string): VaultAccess {
    return this.#index.of(namespace, vault);
  }

  /** Whether the policy, as it is written now, waits for the guards. */
  isPending(namespace: string, name: string): boolean {
    return this.#pending.has(`${namespace}/${name}`);
  }

  /** Takes in a policy as the watch tells of it; `policy` is undefined when it is gone. */
  take(key: string, policy: AccessPolicyResource | undefined): void {
    this.#pending.delete(key);
    const after = policy === undefined ? undefined : compilePolicy(policy);
    if (policy !== undefined && this.#guardsMissing() && widens(this.#inForce.get(key), after)) {
      this.#pending.set(key, policy);
      return;
    }
    if (after === undefined) this.#remove(key);
    else this.#put(key, after);
  }

  /** The guards are back: what waited comes in force. Answers the policies concerned. */
  retryPending(): readonly AccessPolicyResource[] {
    const waiting = [...this.#pending.values()];
    for (const policy of waiting) this.take(keyOf(policy.metadata), policy);
    return waiting;
  }

  #put(key: string, policy: CompiledPolicy): void {
    this.#inForce.set(key, policy);
    this.#index.put(policy);
  }

  #remove(key: string): void {
    const policy = this.#inForce.get(key);
    this.#inForce.delete(key);
    if (policy !== undefined) this.#index.remove(policy.namespace, policy.name);
  }
}
