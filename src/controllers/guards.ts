import type { Guard } from '../access/guards/guard.ts';
import { guardProblems } from '../access/guards/verify.ts';
import type { Informer } from '../kube/informer.ts';
import type { CustomObject } from '../kube/object.ts';
import type { Permission } from '../kube/permissions.ts';

export const guardPermissions: readonly Permission[] = [
  {
    apiGroup: 'admissionregistration.k8s.io',
    resource: 'validatingadmissionpolicies',
    verbs: ['get', 'list', 'watch'],
    scope: 'cluster',
  },
  {
    apiGroup: 'admissionregistration.k8s.io',
    resource: 'validatingadmissionpolicybindings',
    verbs: ['get', 'list', 'watch'],
    scope: 'cluster',
  },
];

/** Knows whether the admission guards are in force (decisions 57). */
export class GuardWatch {
  readonly #expected: readonly Guard[];
  readonly #policies: Informer<CustomObject>;
  readonly #bindings: Informer<CustomObject>;
  #missing: string | undefined;

  constructor(expected: readonly Guard[], policies: Informer<CustomObject>, bindings: Informer<CustomObject>) {
    this.#expected = expected;
    this.#policies = policies;
    this.#bindings = bindings;
    this.#missing = 'They were not looked at yet.';
  }

  /** What is missing or altered, in words; undefined when all guards are in force. */
  get missing(): string | undefined {
    return this.#missing;
  }

  /** Looks again after every change; `changed` is called when the answer has become another one. */
  watch(changed: () => void): void {
    const look = (): void => {
      if (!this.#policies.hasSynced || !this.#bindings.hasSynced) return;
      const before = this.#missing;
      this.look();
      if (before !== this.#missing) changed();
    };
    this.#policies.onChange(look);
    this.#bindings.onChange(look);
  }

  /** Compares what is there with what is expected. */
  look(): void {
    const problems = guardProblems(this.#expected, { policies: this.#policies.list(), bindings: this.#bindings.list() });
    this.#missing =
      problems.length === 0
        ? undefined
        : `${problems.map(({ kind, name, problem }) => `${kind} ${name} is ${problem}`).join(', ')}. Reinstall the chart; until then policies that widen access are not put in force.`;
  }
}
