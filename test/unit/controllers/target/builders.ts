import { createHmac } from 'node:crypto';
import { resolveTarget, target as targetSchema, type Target, type TargetInput } from '../../../../src/api/target.ts';
import { compose, isOwnedByReference, withContentMark } from '../../../../src/controllers/target/compose.ts';
import { contentOf, contentParts, type ContentSource, type PublishedHash } from '../../../../src/controllers/target/content.ts';
import { ownerReference, type Owner } from '../../../../src/controllers/target/identity.ts';
import { managedSecret, type ManagedSecret } from '../../../../src/controllers/target/managed-secret.ts';
import { render } from '../../../../src/controllers/target/render.ts';
import { canonical } from '../../../../src/crypto/canonical.ts';
import type { Secret } from '../../../../src/kube/kinds.ts';
import type { ObjectMeta } from '../../../../src/kube/object.ts';

export const owner: Owner = { kind: 'VaultSecret', namespace: 'team', name: 'app', uid: 'uid-app' };

/** A target as a manifest would give it, with all defaults filled in. */
export function aTarget(input: NonNullable<TargetInput> = {}, of: Owner = owner): Target {
  return resolveTarget(targetSchema('Opaque').parse(input), of);
}

/** A MAC under a key of the test; `key` tells vaults apart. */
export function hashUnder(key: string): PublishedHash {
  return (parts) => Promise.resolve(createHmac('sha256', key).update(canonical(parts)).digest('hex'));
}

export const hash = hashUnder('vault');

export function fieldsOf(values: Readonly<Record<string, string>>): Map<string, Buffer> {
  return new Map(Object.entries(values).map(([key, value]) => [key, Buffer.from(value)]));
}

export function aSource(more: Partial<ContentSource> = {}): ContentSource {
  return { owner, target: aTarget(), version: 'v1', publicInputs: [], ...more };
}

/** Any Secret as the API server would return it. */
export function aSecret(more: Partial<Omit<Secret, 'metadata'>> & { readonly metadata?: Partial<ObjectMeta> } = {}): ManagedSecret {
  const { metadata, ...rest } = more;
  return managedSecret({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    ...rest,
    metadata: { namespace: 'team', name: 'app', uid: 'uid-secret', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
  });
}

/** The Secret as Keystead itself writes it, with the right MAC. */
export async function written(
  source: ContentSource = aSource(),
  values: Readonly<Record<string, string>> = { password: 'correct horse' },
  metadata: Partial<ObjectMeta> = {},
): Promise<ManagedSecret> {
  const { target } = source;
  const rendered = render(target, fieldsOf(values), []);
  const composed = compose({ owner: source.owner, vault: 'vault', target, version: source.version, rendered, live: undefined, deniedDomains: [], restartMarks: {} }, 'create');
  const parts = contentParts(source, contentOf(aSecret({ ...composed, metadata: composed.metadata })));
  const marked = withContentMark(composed, await hash(parts ?? []));
  const ownerReferences = isOwnedByReference(target, source.owner) ? { ownerReferences: [ownerReference(source.owner)] } : {};
  return aSecret({ ...marked, metadata: { ...marked.metadata, ...ownerReferences, ...metadata } });
}

/** The same Secret with other metadata or content; what is not named stays. */
export function changed(secret: ManagedSecret, more: Partial<Omit<ManagedSecret, 'metadata'>> & { readonly metadata?: Partial<ObjectMeta> }): ManagedSecret {
  return { ...secret, ...more, metadata: { ...secret.metadata, ...more.metadata } };
}
