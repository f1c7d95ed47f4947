import { customResources } from '../../api/crds.ts';
import type { VaultCertificateResource, VaultIssuerResource, VaultSecretResource } from '../../controllers/resources.ts';
import { kinds } from '../../controllers/resources.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isForbidden, isNotFound } from '../../kube/errors.ts';
import type { Condition, CustomObject } from '../../kube/object.ts';
import { resources, typed, type Resource } from '../../kube/resource.ts';

/** How one thing stands that a resource needs, and what that needs in turn. */
export interface Link {
  readonly kind: string;
  /** Namespace/name. */
  readonly place: string;
  /** `hidden`: the person who asks may not look. */
  readonly state: 'ready' | 'notReady' | 'missing' | 'hidden';
  /** The reason of its Ready condition, for our kinds. */
  readonly reason: string | undefined;
  readonly says: string;
  readonly needs: readonly Link[];
}

/** One of our resources, as far as every kind is alike. */
export type Ours = CustomObject<
  Readonly<Record<string, unknown>>,
  { readonly conditions?: readonly Condition[]; readonly observedGeneration?: number } & Readonly<Record<string, unknown>>
>;

/** Chains are short; only resources that name each other in a circle make longer ones. */
const DEEPEST = 6;

/** Follows what resources need, with the rights of whoever asks. */
export class Chain {
  readonly #client: KubeClient;

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** The resource itself, and everything below it. */
  async follow(resource: Resource, namespace: string | undefined, name: string, depth = 0): Promise<Link> {
    const at = { kind: resource.kind, place: namespace === undefined ? name : `${namespace}/${name}` };
    const looked = await this.#look(resource, namespace, name);
    if (looked === 'missing' || looked === 'hidden') return { ...at, state: looked, reason: undefined, says: looked === 'missing' ? 'is not there' : 'you may not look at it', needs: [] };
    const { state, reason, says } = readiness(looked);
    return { ...at, state, reason, says, needs: depth >= DEEPEST ? [] : await this.#needs(looked, namespace ?? '', depth + 1) };
  }

  async #look(resource: Resource, namespace: string | undefined, name: string): Promise<Ours | 'missing' | 'hidden'> {
    try {
      // Of a Secret or ConfigMap only that it is there is of interest.
      const representation = resource.kind === 'Secret' || resource.kind === 'ConfigMap' ? 'metadata' : 'full';
      return await this.#client.get(typed<Ours>(resource), { namespace, name }, { representation });
    } catch (error) {
      if (isNotFound(error)) return 'missing';
      if (isForbidden(error)) return 'hidden';
      throw error;
    }
  }

  async #needs(object: Ours, namespace: string, depth: number): Promise<readonly Link[]> {
    const vaultRef: { readonly name?: string } = Object(object.spec?.['vaultRef']);
    const vault = vaultRef.name === undefined ? [] : [await this.follow(resources.vaults, namespace, vaultRef.name, depth)];
    switch (object.kind) {
      case 'VaultSecret':
        return [...vault, ...(await this.#secretNeeds(Object(object), namespace, depth))];
      case 'VaultCertificate':
        return [...vault, ...(await this.#certificateNeeds(Object(object), namespace, depth))];
      case 'VaultIssuer':
        return [...vault, ...(await this.#issuerNeeds(Object(object), namespace, depth))];
      default:
        return vault;
    }
  }

  async #secretNeeds({ metadata, spec }: VaultSecretResource, namespace: string, depth: number): Promise<readonly Link[]> {
    const source = spec.secretRef === undefined ? [] : [await this.follow(resources.secrets, namespace, spec.secretRef.name, depth)];
    return [...source, ...(await this.#target(spec.target, metadata.name, namespace, depth))];
  }

  async #certificateNeeds({ metadata, spec }: VaultCertificateResource, namespace: string, depth: number): Promise<readonly Link[]> {
    const { issuerRef, import: imported, external } = spec;
    const issuer = issuerRef === undefined ? [] : [await this.follow(resources.vaultIssuers, issuerRef.namespace ?? namespace, issuerRef.name, depth)];
    const source = imported === undefined ? [] : [await this.follow(resources.secrets, namespace, imported.secretRef.name, depth)];
    const answer = external?.configMapRef === undefined ? [] : [await this.follow(resources.configMaps, namespace, external.configMapRef.name, depth)];
    return [...issuer, ...source, ...answer, ...(await this.#target(spec.target, metadata.name, namespace, depth))];
  }

  /** The certificate that makes the CA's object, if one of the namespace does. */
  async #issuerNeeds({ spec }: VaultIssuerResource, namespace: string, depth: number): Promise<readonly Link[]> {
    const { ca } = spec;
    if (ca === undefined) return [];
    const { items } = await this.#client.list(kinds.vaultCertificates, { namespace });
    const wanted = ca.certificateName.toLowerCase();
    const maker = items.find((one) => one.spec.vaultRef.name === ca.vaultRef.name && (one.spec.objectName ?? one.metadata.name).toLowerCase() === wanted);
    const vault = await this.follow(resources.vaults, namespace, ca.vaultRef.name, depth);
    return maker === undefined ? [vault] : [vault, await this.follow(resources.vaultCertificates, namespace, maker.metadata.name, depth)];
  }

  async #target(target: VaultSecretResource['spec']['target'], own: string, namespace: string, depth: number): Promise<readonly Link[]> {
    if (target === undefined) return [];
    return [await this.follow(resources.secrets, target.namespace ?? namespace, target.name ?? own, depth)];
  }
}

function readiness({ kind, metadata, status }: Ours): Pick<Link, 'state' | 'reason' | 'says'> {
  if (kind === 'Secret' || kind === 'PartialObjectMetadata') return { state: 'ready', reason: undefined, says: 'is there' };
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready === undefined) return { state: 'notReady', reason: undefined, says: 'the operator has not looked at it yet: does it run?' };
  const stale = status?.observedGeneration !== metadata.generation ? ' (of an earlier version of the spec; the operator has not seen the latest)' : '';
  return { state: ready.status === 'True' && stale === '' ? 'ready' : 'notReady', reason: ready.reason, says: `${ready.reason}: ${ready.message}${stale}` };
}

/** The link that keeps the whole from being ready: the deepest one that is not, along the first that are not. */
export function rootCause(link: Link): Link | undefined {
  for (const need of link.needs) {
    const cause = rootCause(need);
    if (cause !== undefined && link.state !== 'ready') return cause;
  }
  return link.state === 'ready' || link.state === 'hidden' ? undefined : link;
}

/** Our kind by any name that kubectl knows it by; undefined for what is none of ours. */
export function kindNamed(word: string): Resource | undefined {
  const wanted = word.toLowerCase().replace(/\.keystead\.dev$/, '');
  const found = customResources.find(({ kind, plural, singular, shortNames }) => [kind.toLowerCase(), plural, singular, ...shortNames].includes(wanted));
  return Object.values<Resource>(kinds).find(({ plural }) => plural === found?.plural);
}
