import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isCurrent } from '../../../../src/controllers/target/current.ts';
import { decideDeparture, decideTarget } from '../../../../src/controllers/target/decide.ts';
import { marks, type Owner } from '../../../../src/controllers/target/identity.ts';
import type { ManagedSecret } from '../../../../src/controllers/target/managed-secret.ts';
import { plannedState } from '../../../../src/controllers/target/state.ts';
import { aSecret, aSource, aTarget, changed, hash, owner, written } from './builders.ts';

/**
 * Whatever somebody else does to Secrets of the target's name, Keystead writes or deletes one only if it says, with the
 * label and with marks for this very place and resource (or an owner reference, or the recorded uid), that it is ours.
 */
const other: Owner = { kind: 'VaultCertificate', namespace: 'team', name: 'app', uid: 'uid-app' };

const value = fc.oneof(
  fc.constantFrom('', 'vault', 'VaultSecret/team/app', 'VaultSecret/team/other', 'VaultCertificate/team/app', 'VaultSecret/team/app/x', 'uid-app', 'uid-other', 'team/app', 'other/app', 'v1', '{}', 'null', '[]'),
  fc.string({ maxLength: 12 }),
);
/** Mostly near to what would be ours, since random text never is. */
const annotations = fc.tuple(
  fc.record({
    [marks.resource]: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('VaultSecret/team/app', 'VaultSecret/team/other', 'VaultCertificate/team/app') }, { weight: 1, arbitrary: value }),
    [marks.uid]: fc.constantFrom('uid-app', 'uid-other', ''),
    [marks.target]: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('team/app', 'team/app', 'team/copy', 'other/app') }, { weight: 1, arbitrary: value }),
    [marks.version]: fc.constantFrom('v1', 'v2'),
    [marks.content]: value,
  }, { requiredKeys: [] }),
  fc.dictionary(fc.constantFrom('keystead.dev/merged.uid-app', marks.templateMetadata, '__proto__', 'mine'), value, { maxKeys: 2 }),
  fc.boolean(),
).map(([near, more, wiped]) => ({ ...(wiped ? {} : near), ...more }) as Record<string, string>);
const labels = fc.dictionary(fc.constantFrom('keystead.dev/managed', 'keystead.dev/managed', 'keystead.dev/merge', 'keystead.dev/source', '__proto__', 'constructor'), value, { maxKeys: 3 });
const references = fc.array(fc.record({ apiVersion: fc.constant('keystead.dev/v1alpha1'), kind: fc.constantFrom('VaultSecret', 'VaultCertificate'), name: fc.constantFrom('app', 'other'), uid: fc.constantFrom('uid-app', 'uid-other') }), { maxLength: 2 });

const anySecret = fc.record({ annotations, labels, ownerReferences: references, uid: fc.constantFrom('uid-secret', 'uid-new'), immutable: fc.boolean(), type: fc.constantFrom('Opaque', 'kubernetes.io/tls', 'bootstrap.kubernetes.io/token'), data: fc.dictionary(fc.constantFrom('password', 'x', '__proto__'), fc.base64String({ maxLength: 8 })) })
  .map(({ annotations: a, labels: l, ownerReferences, uid, ...rest }) => aSecret({ ...rest, metadata: { annotations: a, labels: l, ownerReferences, uid } }));

const anyTarget = fc.record({ creationPolicy: fc.constantFrom('Owner' as const, 'Orphan' as const, 'Merge' as const), deletionPolicy: fc.constantFrom('Delete' as const, 'Retain' as const) });

/** The rule in words, without the code that is tested. */
function saysItIsOurs(secret: ManagedSecret): boolean {
  const own = (map: Readonly<Record<string, string>> | undefined, key: string): string | undefined => (map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined);
  const says = (key: string): string | undefined => own(secret.metadata.annotations, key);
  const labelled = own(secret.metadata.labels, 'keystead.dev/managed') !== undefined;
  const marked = says(marks.resource) === 'VaultSecret/team/app' && (says(marks.uid) ?? '') !== '' && says(marks.target) === 'team/app';
  const unmarked = [marks.resource, marks.uid, marks.target, marks.version, marks.content].every((key) => says(key) === undefined);
  const otherwise = (secret.metadata.ownerReferences ?? []).some(({ uid }) => uid === 'uid-app') || secret.metadata.uid === 'uid-secret';
  return labelled && (marked || (unmarked && otherwise));
}

function consents(secret: ManagedSecret): boolean {
  const map = secret.metadata.labels ?? {};
  return Object.hasOwn(map, 'keystead.dev/merge') && !Object.hasOwn(map, 'keystead.dev/managed') && !secret.immutable;
}

describe('against any foreign writer', () => {
  it('writes only into what says that it is ours, or into what its owner opened', async () => {
    await fc.assert(fc.asyncProperty(anySecret, anyTarget, async (live, input) => {
      const target = aTarget(input);
      const current = await isCurrent(aSource({ target }), 'vault', live, hash);
      const action = decideTarget({ owner, vault: 'vault', target, live, current, recorded: { ...plannedState(target), uid: 'uid-secret' }, consent: undefined });
      // Nobody but Keystead makes a MAC, so random Secrets are never taken for right.
      expect(current).toBe(false);
      expect(action.do).not.toBe('create');
      const allowed = target.creationPolicy === 'Merge' ? consents(live) : saysItIsOurs(live);
      const written_ = action.do !== 'refuse';
      expect(written_ && !allowed).toBe(false);
    }), { numRuns: 600 });
  });

  it('deletes only what says that it is ours, and of this very resource', () => {
    fc.assert(fc.property(anySecret, anyTarget, (live, input) => {
      const departure = decideDeparture(owner, { ...plannedState(aTarget(input)), uid: 'uid-secret' }, live);
      const uid = live.metadata.annotations?.[marks.uid];
      const mayDelete = input.deletionPolicy === 'Delete' && input.creationPolicy !== 'Merge' && saysItIsOurs(live) && (uid === undefined || uid === 'uid-app');
      expect(departure.do === 'delete' && !mayDelete).toBe(false);
      expect(departure.do === 'unmerge' && !(input.deletionPolicy === 'Delete' && input.creationPolicy === 'Merge' && consents(live))).toBe(false);
    }), { numRuns: 600 });
  });

  it('finds every change of values, keys, type and marks in a Secret that was right', async () => {
    const right = await written();
    const one = fc.oneof(
      fc.record({ digests: fc.dictionary(fc.constantFrom('password', 'more', '__proto__'), fc.constantFrom('a', right.digests['password'] ?? '')) }),
      fc.record({ type: fc.constantFrom('Opaque', 'kubernetes.io/tls') }),
      fc.record({ immutable: fc.boolean() }),
      fc.constantFrom(...Object.values(marks)).chain((key) => value.map((text) => ({ metadata: { annotations: { ...right.metadata.annotations, [key]: text } } }))),
      labels.map((l) => ({ metadata: { labels: l } })),
    );
    const unimportant: readonly string[] = [marks.templateMetadata, marks.restartHash, marks.contentChanged];
    await fc.assert(fc.asyncProperty(one, async (change) => {
      const live = changed(right, change as Parameters<typeof changed>[1]);
      const same = JSON.stringify([live.digests, live.type, live.immutable]) === JSON.stringify([right.digests, right.type, right.immutable])
        && live.metadata.labels?.['keystead.dev/managed'] === 'vault' && Object.hasOwn(live.metadata.labels ?? {}, 'keystead.dev/managed')
        && Object.values(marks).every((key) => unimportant.includes(key) || live.metadata.annotations?.[key] === right.metadata.annotations?.[key]);
      expect(await isCurrent(aSource(), 'vault', live, hash)).toBe(same);
    }), { numRuns: 400 });
  });

  it('never takes the target of another resource for its own, whoever it belongs to', async () => {
    const live = await written(aSource({ owner: other, target: aTarget({}, other) }));
    expect(decideTarget({ owner, vault: 'vault', target: aTarget(), live, current: false, recorded: undefined, consent: undefined })).toMatchObject({ do: 'refuse', reason: 'Conflict' });
  });
});
