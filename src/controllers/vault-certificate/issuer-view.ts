import { KeysteadError } from '../../api/error.ts';
import { parseVaultIssuer, type VaultIssuerSpec } from '../../api/vault-issuer.ts';
import { namespaceAllowed } from '../../issuers/allowed.ts';
import { caProblem } from '../vault-issuer/ca-readiness.ts';
import { signingVersion } from '../vault-issuer/ca-version.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import { usableVault } from '../usable-vault.ts';
import type { World } from '../world.ts';
import type { IssuerView } from './facts.ts';

type IssuerWorld = Pick<World, 'informers' | 'vaults' | 'objects' | 'clock'>;
type CaSpec = NonNullable<VaultIssuerSpec['ca']>;

/** The object that asks. */
export interface Asking {
  readonly namespace: string;
  readonly vaultId: string;
  readonly objectName: string;
}

/** Looks at the issuer that a certificate names, in the caches only. No status is believed: it is all looked up anew. */
export async function issuerView(world: IssuerWorld, ref: { readonly namespace: string; readonly name: string }, asking: Asking): Promise<IssuerView> {
  const issuer = world.informers.vaultIssuers.get(`${ref.namespace}/${ref.name}`);
  if (issuer === undefined || issuer.metadata.deletionTimestamp !== undefined) return { kind: 'missing' };
  const spec = parseVaultIssuer(issuer);
  if (spec instanceof KeysteadError) return { kind: 'notReady', reason: spec.code, message: spec.message };
  const labels = world.informers.namespaces.get(asking.namespace)?.metadata.labels ?? {};
  if (!namespaceAllowed(spec.allowedNamespaces, ref.namespace, { name: asking.namespace, labels })) return { kind: 'notAllowed' };
  if (spec.external !== undefined) return { kind: 'external', caBundle: spec.external.caBundle };
  return spec.ca === undefined ? { kind: 'selfSigned' } : caView(world, ref.namespace, spec.ca, asking);
}

async function caView(world: IssuerWorld, namespace: string, ca: CaSpec, asking: Asking): Promise<IssuerView> {
  try {
    const vault = await usableVault(world, namespace, ca.vaultRef.name);
    if (isItself(vault, ca, asking)) {
      return { kind: 'notReady', reason: 'CaNotReady', message: 'Its CA is this very certificate. Give the certificate another issuer, such as one that is selfSigned.' };
    }
    const now = world.clock.now();
    const state = (await world.objects.get(vault, ca.certificateName))?.certificate;
    // Whether it is a CA certificate at all shows when its key is opened; the VaultIssuer's own status says it before.
    const problem = caProblem({ vault: vault.name, certificateName: ca.certificateName, state, isCA: undefined, now });
    if (problem !== undefined) return { kind: 'notReady', ...problem };
    const signing = state === undefined ? undefined : signingVersion(state, now);
    if (signing?.version.certificate === undefined) return { kind: 'notReady', reason: 'CaNotReady', message: `The CA certificate ${ca.certificateName} has no version.` };
    return { kind: 'ca', versionId: signing.version.id, notAfter: new Date(signing.version.certificate.notAfter), changesAt: signing.until, allowSubordinates: ca.allowSubordinates };
  } catch (error) {
    if (!(error instanceof KeysteadError) || error.consequence === 'retry') throw error;
    return { kind: 'notReady', reason: error.code, message: error.message };
  }
}

function isItself(vault: VaultHead, ca: CaSpec, asking: Asking): boolean {
  return vault.vaultId === asking.vaultId && ca.certificateName.toLowerCase() === asking.objectName.toLowerCase();
}
