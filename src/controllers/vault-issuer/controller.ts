import { KeysteadError } from '../../api/error.ts';
import { parseVaultIssuer, type VaultIssuerSpec } from '../../api/vault-issuer.ts';
import { inspectCertificate, type CertificateFacts } from '../../crypto/x509/inspect.ts';
import type { Permission } from '../../kube/permissions.ts';
import type { ReconcileContext, Result } from '../../runtime/controller.ts';
import type { CertificateState } from '../../vault/object-record.ts';
import type { VaultHead } from '../../vault/vault-record.ts';
import { notReady, type WantedCondition } from '../conditions.ts';
import type { VaultIssuerResource } from '../resources.ts';
import { writeStatus } from '../status.ts';
import { usableVault } from '../usable-vault.ts';
import type { World } from '../world.ts';
import { issuerStatus, type CaSeen, type IssuerStatusFields } from './status.ts';

export const vaultIssuerPermissions: readonly Permission[] = [
  { apiGroup: 'keystead.dev', resource: 'vaultissuers', verbs: ['get', 'list', 'watch'], scope: 'cluster' },
  { apiGroup: 'keystead.dev', resource: 'vaultissuers/status', verbs: ['update'], scope: 'cluster' },
];

/** VaultIssuers: says whether each can sign. Signing itself looks for itself, and opens the key only then. */
export class VaultIssuerController {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async reconcile(key: string, { signal }: ReconcileContext): Promise<Result> {
    const resource = this.#world.informers.vaultIssuers.get(key);
    if (resource === undefined || resource.metadata.deletionTimestamp !== undefined) return {};
    try {
      const spec = parseVaultIssuer(resource);
      if (spec instanceof KeysteadError) throw spec;
      const { conditions, fields, again } = issuerStatus(spec, spec.ca === undefined ? undefined : await this.#lookAtCa(resource, spec.ca), this.#world.clock.now());
      await this.#writeStatus(resource, conditions, fields, signal);
      return again === undefined ? {} : { requeueAfterMs: again };
    } catch (error) {
      if (error instanceof KeysteadError && error.consequence !== 'retry') {
        await this.#writeStatus(resource, notReady(error.code, error.message, error.consequence === 'stalled' ? 'stalled' : 'waits'), {}, signal);
      }
      throw error;
    }
  }

  async #lookAtCa(resource: VaultIssuerResource, ca: NonNullable<VaultIssuerSpec['ca']>): Promise<CaSeen> {
    const { namespace = '' } = resource.metadata;
    const vault = await usableVault(this.#world, namespace, ca.vaultRef.name);
    const state = (await this.#world.objects.get(vault, ca.certificateName))?.certificate;
    const facts = state === undefined ? undefined : await this.#factsOf(vault, ca.certificateName, state);
    return { state, facts, otherVault: state === undefined ? this.#otherVault(namespace, ca) : undefined };
  }

  async #factsOf(vault: VaultHead, name: string, state: CertificateState): Promise<CertificateFacts | undefined> {
    const current = state.versions[0];
    const shown = current === undefined ? undefined : await this.#world.objects.publicPart(vault, name, 'certificate', current.id);
    // Leaf first; those above it are of no interest here.
    const [pem] = shown?.['certificate']?.split(/(?<=-----END CERTIFICATE-----\n)/) ?? [];
    return pem === undefined ? undefined : inspectCertificate(pem);
  }

  /** The vault in which a VaultCertificate of the namespace keeps a certificate of that name: the likeliest mistake. */
  #otherVault(namespace: string, ca: NonNullable<VaultIssuerSpec['ca']>): string | undefined {
    const wanted = ca.certificateName.toLowerCase();
    return this.#world.informers.vaultCertificates
      .list()
      .find(({ metadata, spec }) => metadata.namespace === namespace && (spec.objectName ?? metadata.name).toLowerCase() === wanted && spec.vaultRef.name !== ca.vaultRef.name)?.spec.vaultRef.name;
  }

  async #writeStatus(resource: VaultIssuerResource, conditions: readonly WantedCondition[], fields: IssuerStatusFields, signal: AbortSignal): Promise<void> {
    const { client, failAt, clock, informers, events } = this.#world;
    await writeStatus({ client, events, failAt, now: clock.now(), signal }, informers.vaultIssuers, resource, { conditions, fields });
  }
}
