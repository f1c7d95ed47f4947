import { sha256 } from '../../crypto/envelope.ts';
import type { Caller } from '../../vault/context.ts';
import type { CertificateState, ObjectHead, TargetState, VersionHead } from '../../vault/object-record.ts';
import { madeByItself } from '../target/consent.ts';
import { ownerOf } from '../target/identity.ts';
import { sinceVersionOf } from '../target/recorded-target.ts';
import type { SyncResult } from '../target/targets.ts';
import type { World } from '../world.ts';
import { foreignVersionsAllowed, type Subject } from './gather.ts';
import { outputPlan, withPasswords, type OutputPlan, type PlannedStore } from './output-plan.ts';
import { makeOutputs } from './outputs.ts';
import { findPassword, readPassword, type ReferredPassword } from './passwords.ts';
import { rootsOf } from './roots.ts';
import { targetFields } from './target-fields.ts';

/** How a target stands after a pass; `nextEnd` is when an old root has to leave its `ca.crt`. */
export interface Synced {
  readonly result: SyncResult;
  readonly nextEnd: Date | undefined;
}

/**
 * Brings the target in step with the current version and the roots in use, and the record in step with the target.
 * @throws as `Targets.sync`
 */
export async function syncCertificate(world: World, subject: Subject, head: ObjectHead, state: CertificateState, caller: Caller): Promise<Synced | undefined> {
  const { resource, spec, vault, signal } = subject;
  const version = state.versions[0];
  const recorded = state.declaredBy?.target;
  const owner = ownerOf(resource);
  if (spec.target === undefined) {
    if (recorded === undefined) return undefined;
    await world.targets.remove({ owner, recorded, signal });
    await recordTarget(world, subject, undefined, caller);
    return undefined;
  }
  if (version === undefined) return undefined;
  const plan = foundOutputs(world, subject);
  const roots = await rootsOf(world, vault, head.name, state);
  const sinceVersion = sinceVersionOf(recorded, spec.target);
  const own = madeByItself({ uid: owner.uid, version, versions: state.versions, ...(sinceVersion === undefined ? {} : { sinceVersion }) });
  const result = await world.targets.sync({
    owner,
    vault: vault.name,
    target: spec.target,
    recorded,
    version: { id: version.id, own },
    syncAllowed: foreignVersionsAllowed(world, vault, spec),
    // The digests of passwords among them are no secret only because all of this ends in an HMAC.
    publicInputs: [sha256(roots.pem), spec.privateKey.exportable ? 'with-key' : 'without-key', ...(plan === undefined ? [] : [sha256(JSON.stringify(plan))])],
    hash: (parts) => world.objects.hash(vault, 'published', parts),
    open: () => openFields(world, subject, head, version, roots.pem, caller),
    outputs: plan === undefined ? undefined : (fields) => outputsOf(world, subject, head, version, plan, fields),
    signal,
  });
  if (result.recordIsBehind) await recordTarget(world, subject, { ...result.state, ...(sinceVersion === undefined ? {} : { sinceVersion }) }, caller);
  return { result, nextEnd: roots.nextEnd };
}

async function openFields(world: World, { spec, vault }: Subject, head: ObjectHead, version: VersionHead, rootsPem: string, caller: Caller): Promise<Map<string, Buffer>> {
  const shown = await world.objects.publicPart(vault, head.name, 'certificate', version.id);
  // Opened even if the key stays in the vault: every sync is in the audit log.
  const opened = await world.objects.open(vault, head.name, 'certificate', version.id, 'CertificateSync', caller);
  const privateKey = opened.get('privateKey');
  if (!spec.privateKey.exportable) privateKey?.fill(0);
  return targetFields({ chainPem: shown?.['certificate'] ?? '', rootsPem, privateKey: spec.privateKey.exportable ? privateKey : undefined });
}

/** The further keys of the target, with passwords that are there. @throws KeysteadError SourceMissing */
function foundOutputs(world: World, { resource, spec }: Subject): OutputPlan<ReferredPassword> | undefined {
  const plan = outputPlan(resource.metadata.namespace ?? '', spec);
  return plan && withPasswords(plan, (reference) => findPassword(world, reference));
}

async function outputsOf(
  world: World,
  { vault, signal }: Subject,
  { name, incarnation }: ObjectHead,
  { created }: VersionHead,
  plan: OutputPlan<ReferredPassword>,
  fields: ReadonlyMap<string, Buffer>,
): Promise<ReadonlyMap<string, Buffer>> {
  const stores: PlannedStore<string>[] = [];
  for (const store of plan.stores) {
    stores.push({ ...store, password: store.password === undefined ? undefined : await readPassword(world, store.password, signal) });
  }
  const secretHash = (parts: readonly string[]): Promise<string> => world.objects.hash(vault, 'keystores', parts);
  return makeOutputs({ plan: { ...plan, stores }, object: { name, incarnation }, created: new Date(created), secretHash }, fields);
}

async function recordTarget(world: World, { spec, vault }: Subject, target: TargetState | undefined, caller: Caller): Promise<void> {
  await world.objects.change(vault, spec.objectName, caller, (head) => {
    const declaration = head?.certificate?.declaredBy;
    if (head?.certificate === undefined || declaration === undefined) return undefined;
    const { target: _old, ...rest } = declaration;
    const declaredBy = target === undefined ? rest : { ...rest, target };
    return { operation: 'CertificateUpdate', kind: 'certificate', head: { ...head, certificate: { ...head.certificate, declaredBy } } };
  });
}
