import type { Subject } from '../api/access-policy.ts';
import { objectKinds } from './permissions.ts';
import type { CompiledPolicy, ObjectScope } from './policy.ts';
import { covers } from './policy.ts';

/**
 * Whether putting `after` in the place of `before` could let anybody do more than now (undefined: there is none). While a
 * guard is missing, nobody knows who wrote a policy, so such a change is not put in force (decisions 57); one that takes
 * access away always is. It never says false for a change that widens, and may say true for one that doesn't.
 */
export function widens(before: CompiledPolicy | undefined, after: CompiledPolicy | undefined): boolean {
  const effect = (before ?? after)?.effect;
  return effect === 'Deny' ? !within(before, after) : !within(after, before);
}

/** All that `inner` says, `outer` says too. */
function within(inner: CompiledPolicy | undefined, outer: CompiledPolicy | undefined): boolean {
  if (inner === undefined) return true;
  if (outer === undefined) return false;
  // An unreadable Deny denies everything: it lies within no other, and everything lies within it.
  if (outer.unreadable || inner.unreadable) return outer.unreadable;
  return (
    inner.vault === outer.vault &&
    inner.effect === outer.effect &&
    inner.subjects.every((subject) => outer.subjects.some((other) => sameSubject(subject, other))) &&
    objectKinds.every((kind) => subset(inner.granted[kind], outer.granted[kind])) &&
    subset(inner.syncTo, outer.syncTo) &&
    scopeWithin(inner.objects, outer.objects)
  );
}

function subset(inner: ReadonlySet<string>, outer: ReadonlySet<string>): boolean {
  return [...inner].every((one) => outer.has(one));
}

function sameSubject(a: Subject, b: Subject): boolean {
  return a.kind === b.kind && a.name === b.name && a.namespace === b.namespace;
}

function scopeWithin(inner: ObjectScope | undefined, outer: ObjectScope | undefined): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return false;
  const prefixes = inner.prefixes.every((prefix) => outer.prefixes.some((other) => prefix.startsWith(other)));
  return prefixes && [...inner.names].every((name) => covers(outer, name));
}
