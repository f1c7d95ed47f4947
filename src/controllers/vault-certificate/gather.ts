import { createHash } from 'node:crypto';
import { syncAllowed } from '../../access/decide.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import type { ObjectHead } from '../../vault/object-record.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import { wouldTakeBack } from '../claim.ts';
import type { VaultCertificateResource } from '../resources.ts';
import type { World } from '../world.ts';
import type { Gathered } from './facts.ts';
import type { Fleet } from './fleet.ts';
import { issuerView } from './issuer-view.ts';
import { inputsOf } from './request.ts';

/** Asks for a new certificate; any value that was not carried out yet. */
export const RENEW_ANNOTATION = 'keystead.dev/renew';

/** A VaultCertificate with what it means. */
export interface Subject {
  readonly resource: VaultCertificateResource;
  readonly spec: VaultCertificateSpec;
  readonly vault: VaultHead;
  readonly signal: AbortSignal;
}

/**
 * Everything that decides, from caches alone: nothing is read from the API server.
 * @throws KeysteadError Invalid… when the request itself is wrong; RecordTampered
 */
export async function gather(world: World, fleet: Fleet, { resource, spec, vault }: Subject): Promise<Gathered> {
  const { namespace = '', name, uid, generation = 0, annotations } = resource.metadata;
  const inputs = await world.objects.hash(vault, 'inputs', inputsOf(spec));
  const head = await world.objects.get(vault, spec.objectName);
  const issuer = await issuerView(world, spec.issuerRef, { namespace, vaultId: vault.vaultId, objectName: spec.objectName });
  const asked = annotations?.[RENEW_ANNOTATION];
  return {
    resource: { namespace, name, uid, generation, renewRequest: asked === undefined ? undefined : createHash('sha256').update(asked).digest('hex') },
    spec,
    vaultId: vault.vaultId,
    head,
    inputs,
    issuer,
    mayUseForeignVersions: foreignVersionsAllowed(world, vault, spec),
    otherAdopts: wouldTakeBack(world, head?.certificate, uid),
    now: world.clock.now(),
    clocksAgree: world.clockGuard.trusted(),
    clockTrusted: clockTrusted(world, fleet, head),
  };
}

/** Whether an AccessPolicy lets everything of this name be synced to the target's namespace. */
export function foreignVersionsAllowed(world: Pick<World, 'policies'>, vault: VaultHead, spec: VaultCertificateSpec): boolean {
  if (spec.target === undefined) return false;
  return syncAllowed(world.policies.of(vault.namespace, vault.name), { name: spec.objectName, namespace: spec.target.namespace }).allowed;
}

/** A clock that jumped must not renew everything (decisions 14). Looked at only where something is due. */
function clockTrusted({ clockGuard, clock }: World, fleet: Fleet, head: ObjectHead | undefined): boolean {
  const due = head?.certificate?.renewalDue;
  if (head === undefined || due === undefined) return clockGuard.trusted();
  const what = `renew ${head.vaultId} ${head.name.toLowerCase()} ${due}`;
  if (Date.parse(due) > clock.now().getTime()) {
    clockGuard.forget(what);
    return true;
  }
  return clockGuard.trusted() && (!fleet.massRenewal() || clockGuard.confirm(what) === 'now');
}
