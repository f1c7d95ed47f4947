import type { Declaration, ObjectKind } from '../vault/object-record.ts';
import { callerFor } from './caller.ts';
import { confirmGone } from './confirm-gone.ts';
import { declarationKey, type DeclaredObject } from './declarations.ts';
import type { Resource } from '../kube/resource.ts';
import type { CustomObject } from '../kube/object.ts';
import { scheduledPurge } from './vault/deletion.ts';
import type { World } from './world.ts';

export interface GoneResource {
  readonly resource: Resource<CustomObject>;
  readonly kind: Declaration['kind'];
  readonly objectKind: ObjectKind;
  readonly namespace: string;
  readonly name: string;
}

/**
 * What is done when a declaring resource is gone: its target by the target's policy, its object by deletionPolicy. All
 * that is needed stands in the record, so nothing has to hold the resource back (decisions 8). The target goes first:
 * killed in between, the record still leads here.
 */
export async function cleanUpGone(world: World, gone: GoneResource, signal: AbortSignal): Promise<void> {
  for (const declared of world.declarations.of(declarationKey(gone))) await cleanUpObject(world, gone, declared, signal);
}

async function cleanUpObject(world: World, gone: GoneResource, declared: DeclaredObject, signal: AbortSignal): Promise<void> {
  const vault = await world.vaults.byId(declared.vaultId);
  if (vault === undefined) return;
  const head = await world.objects.get(vault, declared.objectName);
  const state = gone.objectKind === 'secret' ? head?.secret : head?.certificate;
  const declaration = state?.declaredBy;
  if (state === undefined || declaration === undefined || state.deleted !== undefined) return;
  const at = { namespace: gone.namespace, name: gone.name };
  if ((await confirmGone(world.client, gone.resource, at, declaration.uid, signal)) === 'there') return;
  const { kind, namespace, name, uid } = declaration;
  if (declaration.target !== undefined) {
    await world.targets.remove({ owner: { kind, namespace, name, uid }, recorded: declaration.target, signal });
  }
  const now = world.clockGuard.latest();
  await world.objects.change(vault, declared.objectName, callerFor(gone.kind, signal), (current) => {
    const now_ = gone.objectKind === 'secret' ? current?.secret : current?.certificate;
    if (current === undefined || now_?.declaredBy?.uid !== uid || now_.deleted !== undefined) return undefined;
    const { target: _gone, ...withoutTarget } = now_.declaredBy;
    const { declaredBy: _released, ...released } = now_;
    const next = declaration.deletionPolicy === 'Retain'
      ? released
      : { ...now_, declaredBy: withoutTarget, deleted: { at: now.toISOString(), scheduledPurge: scheduledPurge(vault, now) } };
    return {
      operation: declaration.deletionPolicy === 'Retain' ? (gone.objectKind === 'secret' ? 'SecretUpdate' : 'CertificateUpdate') : 'ObjectDelete',
      kind: gone.objectKind,
      head: { ...current, [gone.objectKind]: { ...next, updated: now.toISOString() } },
    };
  });
}
