import { describe, expect, it } from '@jest/globals';
import { crds } from '../../../src/api/crds.ts';
import { defaultGuardParameters as defaults, type Guard } from '../../../src/access/guards/guard.ts';
import { guardObjects, guards } from '../../../src/access/guards/guards.ts';
import { guardProblems, type LiveGuards } from '../../../src/access/guards/verify.ts';

/** What the guards do is tried on a real API server (test/integration/access); here, that none is forgotten or too wide. */

const all = guards(defaults);
const ruleOf = ({ policy }: Guard) => {
  const [rule] = policy.spec.matchConstraints.resourceRules;
  if (rule === undefined) throw new Error(`${policy.metadata.name} matches nothing`);
  return rule;
};
const named = (name: string): Guard => {
  const found = all.find(({ policy }) => policy.metadata.name === name);
  if (found === undefined) throw new Error(`no guard ${name}`);
  return found;
};

describe('guards', () => {
  it('all refuse when in doubt, and say why', () => {
    for (const { policy, binding } of all) {
      expect(policy.spec.failurePolicy).toBe('Fail');
      expect(binding.spec).toEqual({ policyName: policy.metadata.name, validationActions: ['Deny'] });
      for (const { reason, message, messageExpression } of policy.spec.validations) {
        expect(reason).toBe('Forbidden');
        expect((message ?? messageExpression ?? '').length).toBeGreaterThan(20);
      }
    }
  });

  it("look at other people's Secrets, ConfigMaps and workloads only as far as the user's name", () => {
    const wide = all.filter((one) => !ruleOf(one).apiGroups.includes('keystead.dev') && one.policy.spec.matchConstraints.namespaceSelector.matchLabels === undefined);
    expect(wide.map(({ policy }) => [policy.metadata.name, policy.spec.matchConditions?.[0]?.expression])).toEqual([
      ['keystead-fence-secrets', 'request.userInfo.username == "system:serviceaccount:keystead-system:keystead-operator"'],
      ['keystead-fence-workloads', 'request.userInfo.username == "system:serviceaccount:keystead-system:keystead-operator"'],
      ['keystead-namespace', 'oldObject.metadata.name == "keystead-system"'],
    ]);
  });

  it('come policies first, so that no moment has a binding to nothing', () => {
    const kinds = guardObjects(defaults).map(({ kind }) => kind);
    expect(kinds).toEqual([...all.map(() => 'ValidatingAdmissionPolicy'), ...all.map(() => 'ValidatingAdmissionPolicyBinding')]);
    expect(new Set(all.map(({ policy }) => policy.metadata.name)).size).toBe(all.length);
  });

  it('quote what comes from the deployment', () => {
    const hostile = guards({ ...defaults, namespace: `x" || true || "`, operatorServiceAccount: '\\" || true || "' });
    const expression = hostile.find(({ policy }) => policy.metadata.name === 'keystead-status')?.policy.spec.validations[0]?.expression;
    expect(expression).toBe('request.userInfo.username == "system:serviceaccount:x\\" || true || \\":\\\\\\" || true || \\""');
  });

  it.each(['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token', 'helm.sh/release.v1', 'keystead.dev/record'])('no deployment makes %s a target', (type) => {
    expect(() => guards({ ...defaults, targetTypes: [type] })).toThrow(`Secrets of type ${type} can never be targets`);
  });
});

/** Fails when a kind or field is added to the schemas and nobody has decided whether it is a grant in disguise. */
describe('guards cover the schemas', () => {
  interface Crd {
    readonly spec: {
      readonly names: { readonly plural: string };
      readonly versions: ReadonlyArray<{ readonly schema: { readonly openAPIV3Schema: { readonly properties: { readonly spec: { readonly properties: object } } } } }>;
    };
  }
  const fields = Object.fromEntries((crds() as unknown as Crd[]).map(({ spec }) =>
    [spec.names.plural, Object.keys(spec.versions[0]?.schema.openAPIV3Schema.properties.spec.properties ?? {})]));
  const expressions = (name: string): string => JSON.stringify(named(name).policy.spec.matchConditions);

  it('every kind that can adopt or recover an object is guarded', () => {
    const taking = Object.keys(fields).filter((plural) => fields[plural]?.includes('adopt'));
    expect(ruleOf(named('keystead-grant-objects')).resources.toSorted()).toEqual(taking.toSorted());
  });

  it('every field of Vault is guarded or known to give nothing away', () => {
    const harmless = ['retentionDays', 'purgeProtection', 'createMode', 'limits'];
    const guarded = (fields['vaults'] ?? []).filter((field) => !harmless.includes(field));
    expect(guarded.filter((field) => !expressions('keystead-grant-vaults').includes(`.?${field}`))).toEqual([]);
  });

  it('every field of VaultIssuer is guarded or uses no key of a vault', () => {
    const guarded = (fields['vaultissuers'] ?? []).filter((field) => field !== 'selfSigned' && field !== 'external');
    expect(guarded.filter((field) => !expressions('keystead-grant-vaultissuers').includes(`spec.?${field}`))).toEqual([]);
  });

  it('a DeletedVault has nothing but purge', () => {
    expect(fields['deletedvaults']).toEqual(['purge']);
  });
});

describe('guardProblems', () => {
  const live = (change: (guard: Guard) => object[] | undefined = () => undefined): LiveGuards => {
    const objects = all.map((one) => change(one) ?? [one.policy, one.binding]) as Array<LiveGuards['policies'][number][]>;
    return { policies: objects.flatMap(([policy]) => (policy === undefined ? [] : [policy])), bindings: objects.flatMap(([, binding]) => (binding === undefined ? [] : [binding])) };
  };
  const only = (name: string, change: (guard: Guard) => object[]) => live((one) => (one.policy.metadata.name === name ? change(one) : undefined));

  it('finds none when all are there, whatever else there is', () => {
    const { policies, bindings } = live();
    const foreign = { metadata: { name: 'somebody-else' }, spec: {} };
    expect(guardProblems(all, { policies: [...policies, foreign], bindings: [foreign, ...bindings] })).toEqual([]);
  });

  it("minds only what protects: labels may be the chart's", () => {
    const relabelled = only('keystead-status', ({ policy, binding }) => [{ ...policy, metadata: { ...policy.metadata, labels: { chart: 'x' } }, status: {} }, binding]);
    expect(guardProblems(all, relabelled)).toEqual([]);
  });

  it('finds all missing in an empty cluster', () => {
    expect(guardProblems(all, { policies: [], bindings: [] })).toHaveLength(2 * all.length);
  });

  it.each<[string, (guard: Guard) => object[], string, string]>([
    ['a weaker rule', ({ policy, binding }) => [{ ...policy, spec: { ...policy.spec, validations: [{ expression: 'true' }] } }, binding], 'ValidatingAdmissionPolicy', 'altered'],
    ['a further match condition', ({ policy, binding }) => [{ ...policy, spec: { ...policy.spec, matchConditions: [{ name: 'never', expression: 'false' }] } }, binding], 'ValidatingAdmissionPolicy', 'altered'],
    ['excluded resources', ({ policy, binding }) => [{ ...policy, spec: { ...policy.spec, matchConstraints: { ...policy.spec.matchConstraints, excludeResourceRules: [{}] } } }, binding], 'ValidatingAdmissionPolicy', 'altered'],
    ['a policy that is being deleted', ({ policy, binding }) => [{ ...policy, metadata: { ...policy.metadata, deletionTimestamp: 'now' } }, binding], 'ValidatingAdmissionPolicy', 'missing'],
    ['a binding to another policy', ({ policy, binding }) => [policy, { ...binding, spec: { ...binding.spec, policyName: 'other' } }], 'ValidatingAdmissionPolicyBinding', 'altered'],
    ['a binding that is narrowed', ({ policy, binding }) => [policy, { ...binding, spec: { ...binding.spec, matchResources: {} } }], 'ValidatingAdmissionPolicyBinding', 'altered'],
    ['a binding that is gone', ({ policy }) => [policy], 'ValidatingAdmissionPolicyBinding', 'missing'],
  ])('finds %s', (_what, change, kind, problem) => {
    expect(guardProblems(all, only('keystead-status', change))).toEqual([{ kind, name: 'keystead-status', problem }]);
  });
});
