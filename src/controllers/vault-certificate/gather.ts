import { createHash } from 'node:crypto';
import { syncAllowed } from '../../access/decide.ts';
import { annotations as names } from '../../api/names.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import type { ObjectHead } from '../../vault/object-record.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import { wouldTakeBack } from '../claim.ts';
import type { VaultCertificateResource } from '../resources.ts';
import type { World } from '../world.ts';
import { givenAnswer } from './answer.ts';
import type { CurrentChain, Gathered, IssuerView } from './facts.ts';
import type { Fleet } from './fleet.ts';
import { importSource, type ImportSource } from './import-source.ts';
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
 * Everything that decides, from caches alone. Only a ConfigMap that an operation in progress waits for is read from the
 * API server: what tenants put into theirs is not kept in memory.
 * @throws KeysteadError Invalid… when the request itself is wrong; RecordTampered
 */
export async function gather(world: World, fleet: Fleet, { resource, spec, vault, signal }: Subject): Promise<Gathered> {
  const { namespace = '', name, uid, generation = 0, annotations } = resource.metadata;
  const head = await world.objects.get(vault, spec.objectName);
  const source = importSource(world, namespace, spec);
  const issuer: IssuerView = spec.issuerRef === undefined
    ? { kind: 'none' }
    : await issuerView(world, spec.issuerRef, { namespace, vaultId: vault.vaultId, objectName: spec.objectName });
  const asked = annotations?.[RENEW_ANNOTATION];
  const renewRequest = asked === undefined ? undefined : createHash('sha256').update(asked).digest('hex');
  const isOpen = head?.certificate?.operation?.state === 'inProgress';
  return {
    resource: { namespace, name, uid, generation, renewRequest, cancelRequest: annotations?.[names.cancel] },
    spec,
    vaultId: vault.vaultId,
    head,
    inputs: await inputsNow(world, vault, spec, source, head),
    importing: importingFrom(spec, source, head),
    issuer,
    answer: isOpen ? await givenAnswer(world, { resource, spec, signal }) : undefined,
    currentChain: isOpen && head !== undefined ? await currentChainOf(world, vault, head) : undefined,
    mayUseForeignVersions: foreignVersionsAllowed(world, vault, spec),
    otherAdopts: wouldTakeBack(world, head?.certificate, uid),
    now: world.clock.now(),
    clocksAgree: world.clockGuard.trusted(),
    clockTrusted: clockTrusted(world, fleet, head),
  };
}

/**
 * As long as nobody renews a certificate, it is made from its source, and from what it was made if that is away: what was
 * imported once stays, whatever becomes of the Secret.
 */
async function inputsNow(world: Pick<World, 'objects'>, vault: VaultHead, spec: VaultCertificateSpec, source: ImportSource | undefined, head: ObjectHead | undefined): Promise<string> {
  if (spec.issuerRef !== undefined) return world.objects.hash(vault, 'inputs', inputsOf(spec));
  return source === undefined || 'problem' in source ? (head?.certificate?.inputs ?? '') : world.objects.hash(vault, 'inputs', source.parts);
}

/** With an issuer, only the first version is imported. */
function importingFrom(spec: VaultCertificateSpec, source: ImportSource | undefined, head: ObjectHead | undefined): Gathered['importing'] {
  const isOver = spec.issuerRef !== undefined && (head?.certificate?.versions.length ?? 0) > 0;
  if (source === undefined || isOver) return undefined;
  return 'problem' in source ? source.problem : 'ready';
}

async function currentChainOf(world: Pick<World, 'objects'>, vault: VaultHead, head: ObjectHead): Promise<CurrentChain | undefined> {
  const current = head.certificate?.versions[0];
  const shown = current === undefined ? undefined : await world.objects.publicPart(vault, head.name, 'certificate', current.id);
  return shown === undefined ? undefined : { chainPem: shown['certificate'] ?? '', caPem: shown['ca'] ?? '' };
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
