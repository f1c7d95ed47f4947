import type { AccessPolicy, AccessPolicySpec, Subject } from '../api/access-policy.ts';
import { parseAccessPolicy } from '../api/access-policy.ts';
import { canonicalName } from '../crypto/canonical.ts';
import type { Granted, ObjectKind, PermissionWords } from './permissions.ts';
import { expand } from './permissions.ts';
import { permissionsOf } from './roles.ts';

/** Which objects a policy speaks of, in canonical names (decisions 54). Undefined: all of the vault, and its collections themselves. */
export interface ObjectScope {
  readonly names: ReadonlySet<string>;
  readonly prefixes: readonly string[];
}

/** An AccessPolicy with everything worked out that doesn't hang on the request. */
export interface CompiledPolicy {
  readonly name: string;
  readonly namespace: string;
  readonly vault: string;
  readonly effect: 'Allow' | 'Deny';
  readonly subjects: readonly Subject[];
  readonly granted: Granted;
  readonly objects: ObjectScope | undefined;
  readonly syncTo: ReadonlySet<string>;
  /**
   * It could not be read, as after a step back to an older version. It may be a Deny that is not understood, and then the
   * only safe reading is that it denies everything to everybody.
   */
  readonly unreadable: boolean;
}

/**
 * Compiles a policy as it is in the cluster. Undefined: it gives nothing to anybody and forbids nothing. That is an Allow
 * that can't be read, and an Allow that is being deleted: its owner has revoked it, and a foreign finalizer must not keep it
 * in force. A Deny holds until it is really gone.
 */
export function compilePolicy(policy: AccessPolicy): CompiledPolicy | undefined {
  const { name, namespace = '', deletionTimestamp } = policy.metadata;
  const spec = parseAccessPolicy(policy);
  if (spec instanceof Error) return unreadable(policy);
  if (spec.effect === 'Allow' && deletionTimestamp !== undefined) return undefined;
  return {
    name,
    namespace,
    vault: spec.vaultRef.name,
    effect: spec.effect,
    subjects: spec.subjects ?? [],
    granted: granted(spec),
    objects: spec.objects === undefined ? undefined : {
      names: new Set((spec.objects.names ?? []).map(canonicalName)),
      prefixes: (spec.objects.prefixes ?? []).map(canonicalName),
    },
    syncTo: new Set(spec.syncTo),
    unreadable: false,
  };
}

function unreadable(policy: AccessPolicy): CompiledPolicy | undefined {
  const { name, namespace = '' } = policy.metadata;
  const vault = policy.spec?.vaultRef?.name;
  if (policy.spec?.effect !== 'Deny' || vault === undefined) return undefined;
  const nothing = { secrets: new Set<never>(), keys: new Set<never>(), certificates: new Set<never>() };
  return { name, namespace, vault, effect: 'Deny', subjects: [], granted: nothing, objects: undefined, syncTo: new Set(), unreadable: true };
}

function granted(spec: AccessPolicySpec): Granted {
  const roles = (spec.roles ?? []).map(permissionsOf);
  const union = <K extends ObjectKind>(kind: K, written: ReadonlyArray<PermissionWords[K] | 'all'> | undefined): ReadonlySet<PermissionWords[K]> =>
    new Set([...expand(kind, written ?? [], spec.effect), ...roles.flatMap((role) => [...role[kind]])]);
  return {
    secrets: union('secrets', spec.permissions?.secrets),
    keys: union('keys', spec.permissions?.keys),
    certificates: union('certificates', spec.permissions?.certificates),
  };
}

/** The scope names this object. A scope that is undefined names every object. */
export function covers(scope: ObjectScope | undefined, name: string): boolean {
  return scope === undefined || scope.names.has(name) || scope.prefixes.some((prefix) => name.startsWith(prefix));
}
