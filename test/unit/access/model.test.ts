import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dataRoles, type AccessPolicySpecInput } from '../../../src/api/access-policy.ts';
import type { AccessRequest, Caller } from '../../../src/access/decide.ts';
import { decide, syncAllowed } from '../../../src/access/decide.ts';
import { objectKinds, words } from '../../../src/access/permissions.ts';
import { permissionsOf } from '../../../src/access/roles.ts';
import { vaultAccess } from '../../../src/access/vault-access.ts';
import { widens } from '../../../src/access/widens.ts';
import { compiled } from './policies.ts';

/**
 * A brute-force oracle: it reads the policies as a person would, one after the other, with no index and nothing worked
 * out before. Small alphabets make subjects, names and prefixes collide often, and every permission word is asked.
 */
type Spec = Omit<AccessPolicySpecInput, 'vaultRef'>;

const namespaces = ['team', 'other'];
const names = ['a', 'ab', 'abc', 'b', 'A', 'aB'];
const subject = fc.oneof(
  fc.record({ kind: fc.constant('User' as const), name: fc.constantFrom('x', 'y', 'system:serviceaccount:team:x') }),
  fc.record({ kind: fc.constant('Group' as const), name: fc.constantFrom('x', 'g') }),
  fc.record({ kind: fc.constant('ServiceAccount' as const), name: fc.constantFrom('x', 'y'), namespace: fc.constantFrom(...namespaces) }),
);
const some = <T>(values: readonly T[]): fc.Arbitrary<T[]> => fc.uniqueArray(fc.constantFrom(...values), { maxLength: 3 });
const optional = { requiredKeys: [] as [] };
const spec: fc.Arbitrary<Spec> = fc.record({
  effect: fc.constantFrom('Allow' as const, 'Allow' as const, 'Deny' as const),
  subjects: fc.array(subject, { minLength: 1, maxLength: 3 }),
  permissions: fc.record({
    secrets: some(['all', ...words.secrets] as const), keys: some(['all', ...words.keys] as const), certificates: some(['all', ...words.certificates] as const),
  }, optional),
  roles: some(dataRoles),
  syncTo: some(namespaces),
  objects: fc.option(fc.record({ names: some(names), prefixes: some(names) }), { nil: undefined, freq: 2 }),
}).map(({ objects, ...rest }) => (objects === undefined || objects.names.length + objects.prefixes.length === 0 ? rest : { ...rest, objects }));
const caller: fc.Arbitrary<Caller> = fc.oneof(
  fc.record({ username: fc.constantFrom('x', 'y', 'z', 'system:serviceaccount:team:x'), groups: some(['x', 'g', 'h']) }),
  fc.record({
    username: fc.constantFrom('system:serviceaccount:team:x'), groups: some(['g']),
    serviceAccount: fc.record({ name: fc.constantFrom('x', 'y'), namespace: fc.constantFrom(...namespaces) }),
  }),
);

/** Every permission word of every kind, on every name and on the whole collection. */
const everyRequest: readonly AccessRequest[] = objectKinds.flatMap((objectKind) =>
  words[objectKind].flatMap((permission) => [undefined, ...names, 'c'].map((name) => ({ objectKind, permission, name }) as AccessRequest)));

function concerns(policy: Spec, who: Caller): boolean {
  return (policy.subjects ?? []).some((one) =>
    (one.kind === 'User' && who.username === one.name) ||
    (one.kind === 'Group' && who.groups.includes(one.name)) ||
    (one.kind === 'ServiceAccount' && who.serviceAccount?.name === one.name && who.serviceAccount.namespace === one.namespace));
}

function speaksOf(policy: Spec, request: AccessRequest): boolean {
  const written: readonly string[] = policy.permissions?.[request.objectKind] ?? [];
  const { permission } = request;
  const byWord =
    written.includes(permission) ||
    (written.includes('all') && (permission !== 'purge' || policy.effect === 'Deny')) ||
    (written.includes('manageissuers') && ['getissuers', 'listissuers', 'deleteissuers'].includes(permission));
  const byRole = (policy.roles ?? []).some((role) => [...permissionsOf(role)[request.objectKind]].some((word) => word === permission));
  return byWord || byRole;
}

function includes(policy: Spec, name: string): boolean {
  if (policy.objects === undefined) return true;
  const lower = name.toLowerCase();
  return (policy.objects.names ?? []).some((one) => one.toLowerCase() === lower) ||
    (policy.objects.prefixes ?? []).some((one) => lower.startsWith(one.toLowerCase()));
}

function oracle(policies: readonly Spec[], who: Caller, request: AccessRequest): boolean {
  const { name } = request;
  const relevant = policies.filter((policy) => concerns(policy, who) && speaksOf(policy, request));
  const denied = relevant.some((policy) => policy.effect === 'Deny' && (name === undefined || includes(policy, name)));
  const allowed = relevant.some((policy) => policy.effect !== 'Deny' && (name === undefined ? policy.objects === undefined : includes(policy, name)));
  return allowed && !denied;
}

const access = (policies: readonly Spec[]) => vaultAccess(policies.map((one, index) => compiled(`p${index}`, one)));

describe('the decision against a brute-force model', () => {
  it('agrees for every permission, name and caller, and blames a policy that exists', () => {
    fc.assert(fc.property(fc.array(spec, { maxLength: 5 }), caller, (policies, who) => {
      const index = access(policies);
      const wrong = everyRequest.filter((request) => {
        const { allowed, by, deniedBy } = decide(index, who, request);
        const blamed = (by !== undefined) === allowed && !(allowed && deniedBy !== undefined);
        return allowed !== oracle(policies, who, request) || !blamed;
      });
      expect(wrong).toEqual([]);
    }), { numRuns: 500 });
  });

  it('agrees on syncing', () => {
    fc.assert(fc.property(fc.array(spec, { maxLength: 5 }), (policies) => {
      const index = access(policies);
      for (const namespace of [...namespaces, 'third']) {
        for (const name of names) {
          const relevant = policies.filter((policy) => policy.syncTo?.includes(namespace) === true && includes(policy, name));
          const expected = relevant.some((policy) => policy.effect !== 'Deny') && !relevant.some((policy) => policy.effect === 'Deny');
          expect(syncAllowed(index, { name, namespace }).allowed).toBe(expected);
        }
      }
    }), { numRuns: 300 });
  });

  it('adding a Deny never allows more, adding an Allow never less', () => {
    fc.assert(fc.property(fc.array(spec, { maxLength: 4 }), spec, caller, (policies, added, who) => {
      const [before, after] = [access(policies), access([...policies, added])];
      const wrong = everyRequest.filter((request) => {
        const [was, is] = [decide(before, who, request).allowed, decide(after, who, request).allowed];
        return added.effect === 'Deny' ? is && !was : was && !is;
      });
      expect(wrong).toEqual([]);
    }), { numRuns: 150 });
  });
});

describe('widens', () => {
  const both = fc.tuple(spec, fc.option(spec), fc.nat(3)).map(([before, other, change]): [Spec, Spec | undefined] => {
    // Mostly small changes of one policy, since two random ones are hardly ever within each other.
    if (change === 0 || other === null) return [before, other === null ? undefined : { ...other, effect: before.effect ?? 'Allow' }];
    const { objects: _all, ...unlimited } = before;
    if (change === 1) return [before, { ...before, subjects: before.subjects?.slice(1) ?? [], syncTo: before.syncTo?.slice(1) ?? [] }];
    if (change === 2) return [before, other.objects === undefined ? unlimited : { ...before, objects: other.objects }];
    return [before, { ...before, permissions: other.permissions ?? {}, roles: other.roles ?? [] }];
  });

  it('never says no to a change that lets anybody do more', () => {
    let narrowing = 0;
    fc.assert(fc.property(both, fc.array(spec, { maxLength: 2 }), caller, fc.boolean(), ([one, two], rest, who, reversed) => {
      const [before, after] = reversed ? [two, one] : [one, two];
      const policy = (written: Spec | undefined) => (written === undefined ? undefined : compiled('p', written));
      if (widens(policy(before), policy(after))) return;
      narrowing += 1;
      const index = (written: Spec | undefined) => access(written === undefined ? rest : [...rest, written]);
      const [was, is] = [index(before), index(after)];
      expect(everyRequest.filter((request) => decide(is, who, request).allowed && !decide(was, who, request).allowed)).toEqual([]);
      const everySync = namespaces.flatMap((namespace) => names.map((name) => ({ name, namespace })));
      expect(everySync.filter((request) => syncAllowed(is, request).allowed && !syncAllowed(was, request).allowed)).toEqual([]);
    }), { numRuns: 400 });
    // The property says nothing if every change counts as widening.
    expect(narrowing).toBeGreaterThan(50);
  });

  it('knows the plain cases', () => {
    const readers = compiled('p', { subjects: [{ kind: 'User', name: 'x' }], permissions: { secrets: ['get', 'list'] } });
    const fewer = compiled('p', { subjects: [{ kind: 'User', name: 'x' }], permissions: { secrets: ['get'] } });
    const ban = compiled('p', { effect: 'Deny', subjects: [{ kind: 'User', name: 'x' }], permissions: { secrets: ['get'] } });
    expect([widens(readers, fewer), widens(readers, undefined), widens(readers, readers), widens(undefined, ban)]).toEqual([false, false, false, false]);
    expect([widens(fewer, readers), widens(undefined, readers), widens(ban, undefined)]).toEqual([true, true, true]);
  });
});
