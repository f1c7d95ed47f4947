import { trustedRoots, type TrustedRoot } from '../../issuers/trusted-roots.ts';
import { parseVaultIssuer } from '../../api/vault-issuer.ts';
import type { CertificateState } from '../../vault/object-record.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import type { World } from '../world.ts';

type RootsWorld = Pick<World, 'informers' | 'vaults' | 'objects' | 'clock'>;

/** As long as any chain that verifiers accept. */
const LONGEST_CHAIN = 10;

/**
 * What goes into `ca.crt`: the root of this certificate, and all that its CA, the CA above that and so on have used or
 * are about to use. So every holder of a leaf knows a new root before the first leaf below it is used, and an old one
 * until the last leaf below it has ended.
 */
export async function rootsOf(world: RootsWorld, vault: VaultHead, name: string, state: CertificateState): Promise<{ readonly pem: string; readonly nextEnd: Date | undefined }> {
  const roots: TrustedRoot[] = [];
  let at: { vault: VaultHead; name: string; state: CertificateState } | undefined = { vault, name, state };
  for (let step = 0; at !== undefined && step < LONGEST_CHAIN; step += 1) {
    roots.push(...(await rootsInUse(world, at.vault, at.name, at.state)));
    at = await caAbove(world, at.state);
  }
  return trustedRoots(roots, world.clock.now());
}

async function rootsInUse(world: RootsWorld, vault: VaultHead, name: string, state: CertificateState): Promise<readonly TrustedRoot[]> {
  const current = state.versions[0];
  const root = current === undefined ? undefined : (await world.objects.publicPart(vault, name, 'certificate', current.id))?.['ca'];
  return [...(root === undefined ? [] : [{ pem: root }]), ...(state.previousRoots ?? [])];
}

/** The CA that issued the current version, as it is now; undefined when it signed itself, or its CA has gone. */
async function caAbove(world: RootsWorld, state: CertificateState): Promise<{ vault: VaultHead; name: string; state: CertificateState } | undefined> {
  const issuedBy = state.versions[0]?.certificate?.issuer ?? '';
  const issuer = world.informers.vaultIssuers.get(issuedBy);
  const spec = issuer === undefined ? undefined : parseVaultIssuer(issuer);
  if (issuer === undefined || spec === undefined || spec instanceof Error || spec.ca === undefined) return undefined;
  const vault = await world.vaults.find(issuer.metadata.namespace ?? '', spec.ca.vaultRef.name);
  if (vault === undefined || vault.deleted !== undefined) return undefined;
  const above = (await world.objects.get(vault, spec.ca.certificateName))?.certificate;
  return above === undefined || above.deleted !== undefined ? undefined : { vault, name: spec.ca.certificateName, state: above };
}
