import { deniedDomains, targetTypes } from '../../api/target.ts';

/**
 * Guards: ValidatingAdmissionPolicies that hold at the API server what RBAC can't express. They are written here once;
 * the chart, `keystead dev` and the check of the live ones (verify.ts) all use these objects.
 *
 * Every default of the API server is written out, so that what is read back equals what was sent and an alteration
 * shows. Only CEL that Kubernetes 1.32 knows is used (decisions 51); in `matchConditions` that leaves `object`,
 * `oldObject`, `request` and `authorizer`: there is no `namespaceObject` there. `request.name` is never read, since it is
 * empty when a whole collection is deleted.
 */

/** What the guards depend on in a deployment. All of it is fixed at installation; nothing of it comes from tenants. */
export interface GuardParameters {
  /** The operator's own namespace: records, root key, both processes. */
  readonly namespace: string;
  readonly operatorServiceAccount: string;
  readonly serverServiceAccount: string;
  /** Types that a target Secret may have (decisions 28). */
  readonly targetTypes: readonly string[];
  /** Domains of labels and annotations that no target gets, besides those reserved for Keystead and Kubernetes (decisions 28). */
  readonly deniedDomains: readonly string[];
  /** The ConfigMap with the public part of the installation's identity key (decisions 3). */
  readonly identityConfigMap: string;
}

/** The values that the chart ships. */
export const defaultGuardParameters: GuardParameters = {
  namespace: 'keystead-system',
  operatorServiceAccount: 'keystead-operator',
  serverServiceAccount: 'keystead-server',
  targetTypes,
  deniedDomains,
  identityConfigMap: 'keystead-identity',
};

/** Secrets of these types are credentials by their mere existence, or a program's state: written for nobody (decisions 28). */
export const neverTargets: readonly string[] = ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token', 'helm.sh/release.v1'];

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

/** Which requests the API server evaluates a guard for at all; anything left out here costs nothing. */
export interface Scope {
  readonly apiGroup: string;
  readonly resources: readonly string[];
  readonly operations: readonly Operation[];
  /** Only objects of this namespace. */
  readonly namespace?: string;
}

export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

export interface Variable {
  readonly name: string;
  readonly expression: string;
}

/** One rule: `expression` must hold. The text says what to do; `messageExpression` is CEL, where the text needs a name. */
export interface Validation {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
}

interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}

/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy, reduced to what the guards use. */
export interface ValidatingAdmissionPolicy {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingAdmissionPolicy';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly failurePolicy: 'Fail';
    readonly matchConstraints: {
      readonly matchPolicy: 'Equivalent';
      readonly namespaceSelector: LabelSelector;
      readonly objectSelector: LabelSelector;
      readonly resourceRules: ReadonlyArray<{
        readonly apiGroups: readonly string[];
        readonly apiVersions: readonly string[];
        readonly operations: readonly Operation[];
        readonly resources: readonly string[];
        readonly scope: '*';
      }>;
    };
    readonly matchConditions?: readonly MatchCondition[];
    readonly variables?: readonly Variable[];
    readonly validations: ReadonlyArray<Validation & { readonly reason: 'Forbidden' }>;
  };
}

/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding. */
export interface ValidatingAdmissionPolicyBinding {
  readonly apiVersion: 'admissionregistration.k8s.io/v1';
  readonly kind: 'ValidatingAdmissionPolicyBinding';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly policyName: string; readonly validationActions: readonly ['Deny'] };
}

/** A policy without its binding guards nothing, so they are always handled together. */
export interface Guard {
  readonly policy: ValidatingAdmissionPolicy;
  readonly binding: ValidatingAdmissionPolicyBinding;
}

/** What a guard's author writes; the rest is the same for all. */
export interface GuardRule {
  readonly name: string;
  readonly scope: Scope;
  readonly matchConditions?: readonly MatchCondition[];
  readonly variables?: readonly Variable[];
  readonly validations: readonly Validation[];
}

const apiVersion = 'admissionregistration.k8s.io/v1';
const labels = { 'app.kubernetes.io/name': 'keystead', 'app.kubernetes.io/component': 'guard' };

/** Builds policy and binding. Both bear the same name, and refuse with 403 rather than the default 422. */
export function guard(rule: GuardRule): Guard {
  const { name, scope } = rule;
  return {
    policy: {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name, labels },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          matchPolicy: 'Equivalent',
          // This label is set by the API server itself on every namespace, and can't be changed.
          namespaceSelector: scope.namespace === undefined ? {} : { matchLabels: { 'kubernetes.io/metadata.name': scope.namespace } },
          objectSelector: {},
          resourceRules: [
            { apiGroups: [scope.apiGroup], apiVersions: ['*'], operations: scope.operations, resources: scope.resources, scope: '*' },
          ],
        },
        ...(rule.matchConditions === undefined ? {} : { matchConditions: rule.matchConditions }),
        ...(rule.variables === undefined ? {} : { variables: rule.variables }),
        validations: rule.validations.map((validation) => ({ ...validation, reason: 'Forbidden' })),
      },
    },
    binding: {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name, labels },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  };
}
