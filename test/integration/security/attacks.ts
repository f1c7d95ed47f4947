import type { KubeClient } from '../../../src/kube/client.ts';
import { resources } from '../../../src/kube/resource.ts';
import type { Ref, Tenant } from '../../support/tenant.ts';

/** Where the attacks happen: what others have put in, and a namespace that belongs to the attacker. */
export interface Scene {
  /** Namespace of the vault `app`; what the attacker may do there is every ordinary verb on our kinds. */
  readonly team: Tenant;
  /** The attacker's own namespace, with Secrets too; it consents to targets from the team's. */
  readonly den: Tenant;
  /** The attacker's credentials. */
  readonly mallory: KubeClient;
}

/** `refused`: by admission, with these words. Otherwise it is accepted, and the resource says this reason. */
export type Outcome = { readonly refused: RegExp } | { readonly place: 'team' | 'den'; readonly ref: Ref; readonly reason: string };

export interface Attack {
  readonly does: string;
  readonly attempt: (scene: Scene) => Promise<unknown>;
  readonly outcome: Outcome;
}

const inApp = { vaultRef: { name: 'app' } };
const grant = /needs the verb \\?"grant\\?"/;
const conflict = (ref: Ref): Outcome => ({ place: 'team', ref, reason: 'Conflict' });

const create = (kind: 'vaults' | 'vaultSecrets' | 'vaultCertificates' | 'vaultIssuers' | 'accessPolicies', { namespace }: Tenant, client: KubeClient, name: string, spec: object) =>
  client.create(resources[kind], { metadata: { namespace, name }, spec });
const edit = (kind: 'vaults' | 'vaultSecrets' | 'vaultCertificates' | 'vaultIssuers' | 'accessPolicies', { namespace }: Tenant, client: KubeClient, name: string, spec: object) =>
  client.mergePatch(resources[kind], { namespace, name }, { spec });
/** A VaultSecret of the attacker's beside the team's. */
const beside = (name: string, spec: object) => ({ team, mallory }: Scene) => create('vaultSecrets', team, mallory, name, { ...inApp, target: {}, ...spec });

/**
 * The objects: `hidden-1` to `hidden-9` without a target, each declared by a VaultSecret of its name; `kept`, which nobody
 * declares any more; `gone`, soft-deleted; `shown` with a target; the certificates `root` (a CA, without a target) and
 * `web`; the VaultIssuer `ca` that signs with root.
 */
export const attacks: readonly Attack[] = [
  { does: 'adopts an object', attempt: beside('thief-adopts', { objectName: 'hidden-1', adopt: true, generate: { uuid: {} } }), outcome: { refused: grant } },
  { does: 'turns a resource of his into one that adopts', outcome: { refused: grant },
    async attempt(scene) {
      await beside('thief-later', { objectName: 'hidden-1', generate: { uuid: {} } })(scene);
      await edit('vaultSecrets', scene.team, scene.mallory, 'thief-later', { adopt: true });
    } },
  { does: 'recovers a deleted object', attempt: beside('thief-recovers', { objectName: 'gone', createMode: 'Recover', generate: { uuid: {} } }), outcome: { refused: grant } },
  { does: 'names an object of others', attempt: beside('thief', { objectName: 'hidden-1', generate: { uuid: {} } }), outcome: conflict('VaultSecret/thief') },
  { does: 'names it in other letters, without a source', attempt: beside('thief-upper', { objectName: 'HIDDEN-1' }), outcome: conflict('VaultSecret/thief-upper') },
  { does: 'names an object that nobody declares', attempt: beside('thief-kept', { objectName: 'kept' }), outcome: conflict('VaultSecret/thief-kept') },
  { does: 'names a deleted object', attempt: beside('thief-gone', { objectName: 'gone', generate: { uuid: {} } }), outcome: conflict('VaultSecret/thief-gone') },
  { does: 'names a certificate as a secret', attempt: beside('thief-root', { objectName: 'root' }), outcome: conflict('VaultSecret/thief-root') },
  { does: 'names a certificate of others',
    attempt: ({ team, mallory }) => create('vaultCertificates', team, mallory, 'thief-ca', { ...inApp, objectName: 'root', issuerRef: { name: 'self' }, commonName: 'x', target: {} }),
    outcome: conflict('VaultCertificate/thief-ca') },
  { does: "adds a target to somebody's VaultSecret", attempt: ({ team, mallory }) => edit('vaultSecrets', team, mallory, 'hidden-2', { target: {} }),
    outcome: { place: 'team', ref: 'VaultSecret/hidden-2', reason: 'SyncNotAllowed' } },
  { does: "adds a target in his own namespace to somebody's VaultSecret",
    attempt: ({ team, den, mallory }) => edit('vaultSecrets', team, mallory, 'hidden-3', { target: { namespace: den.namespace } }),
    outcome: { place: 'team', ref: 'VaultSecret/hidden-3', reason: 'SyncNotAllowed' } },
  { does: "renames the target of somebody's VaultSecret", attempt: ({ team, mallory }) => edit('vaultSecrets', team, mallory, 'shown', { target: { name: 'mine' } }),
    outcome: { place: 'team', ref: 'VaultSecret/shown', reason: 'SyncNotAllowed' } },
  { does: 'deletes a VaultSecret and makes one of the same name', outcome: conflict('VaultSecret/hidden-4'),
    async attempt(scene) {
      await scene.mallory.delete(resources.vaultSecrets, { namespace: scene.team.namespace, name: 'hidden-4' });
      await beside('hidden-4', { generate: { uuid: {} } })(scene);
    } },
  { does: "adds a target to a CA's certificate", attempt: ({ team, mallory }) => edit('vaultCertificates', team, mallory, 'root', { target: {} }),
    outcome: { place: 'team', ref: 'VaultCertificate/root', reason: 'SyncNotAllowed' } },
  { does: "has a CA's certificate renewed with its old key into a target of his",
    attempt: ({ team, mallory }) => edit('vaultCertificates', team, mallory, 'second-root', { privateKey: { rotationPolicy: 'Never' }, commonName: 'Renewed', target: {} }),
    outcome: { place: 'team', ref: 'VaultCertificate/second-root', reason: 'Ready' } },
  { does: 'makes an issuer with the CA', attempt: ({ team, mallory }) => create('vaultIssuers', team, mallory, 'mine', { ca: { ...inApp, certificateName: 'root' } }), outcome: { refused: grant } },
  { does: 'makes an issuer of any certificate of the vault', attempt: ({ team, mallory }) => create('vaultIssuers', team, mallory, 'mine', { ca: { ...inApp, certificateName: 'web' } }), outcome: { refused: grant } },
  { does: 'opens an issuer to his namespace', attempt: ({ team, mallory }) => edit('vaultIssuers', team, mallory, 'ca', { allowedNamespaces: { from: 'All' } }), outcome: { refused: grant } },
  { does: 'lets an issuer sign CAs', attempt: ({ team, mallory }) => edit('vaultIssuers', team, mallory, 'ca', { ca: { allowSubordinates: true } }), outcome: { refused: grant } },
  { does: 'asks an issuer of another namespace',
    async attempt({ team, den, mallory }) {
      await create('vaultCertificates', den, mallory, 'foreign', { vaultRef: { name: 'mine' }, issuerRef: { name: 'ca', namespace: team.namespace }, dnsNames: ['bank.example'], target: {} });
    },
    outcome: { place: 'den', ref: 'VaultCertificate/foreign', reason: 'IssuerNotAllowed' } },
  { does: 'asks for a subordinate CA',
    attempt: ({ team, mallory }) => create('vaultCertificates', team, mallory, 'sub-ca', { ...inApp, issuerRef: { name: 'ca' }, isCA: true, commonName: 'Mine', target: {} }),
    outcome: { place: 'team', ref: 'VaultCertificate/sub-ca', reason: 'SubordinateNotAllowed' } },
  { does: 'names the CA of another namespace in an issuer of his',
    attempt: ({ den, mallory }) => create('vaultIssuers', den, mallory, 'theirs', { ca: { ...inApp, certificateName: 'root' } }), outcome: { refused: grant } },
  { does: 'gives himself a policy',
    attempt: ({ team, den, mallory }) => create('accessPolicies', team, mallory, 'mine', { ...inApp, syncTo: [den.namespace] }), outcome: { refused: grant } },
  { does: "widens somebody's policy", attempt: ({ team, den, mallory }) => edit('accessPolicies', team, mallory, 'narrow', { syncTo: [den.namespace] }), outcome: { refused: grant } },
  { does: "takes a Deny away", attempt: ({ team, mallory }) => mallory.delete(resources.accessPolicies, { namespace: team.namespace, name: 'deny' }), outcome: { refused: grant } },
  { does: 'copies a managed Secret with all its marks into his namespace',
    async attempt({ team, den, mallory }) {
      const { labels = {}, annotations = {} } = (await team.find('Secret/shown'))?.metadata ?? {};
      await mallory.create(resources.secrets, { metadata: { namespace: den.namespace, name: 'shown', labels, annotations }, data: { value: 'eA==' } });
      await create('vaultSecrets', den, mallory, 'shown', { vaultRef: { name: 'mine' }, generate: { uuid: {} }, target: {} });
    },
    outcome: { place: 'den', ref: 'VaultSecret/shown', reason: 'Conflict' } },
  { does: 'puts the marks of a target that moved onto a Secret of his, to have it filled',
    async attempt({ team, den, mallory }) {
      const { labels = {}, annotations = {} } = (await team.find('Secret/shown'))?.metadata ?? {};
      const moved = { ...annotations, 'keystead.dev/target': `${den.namespace}/moved` };
      await mallory.create(resources.secrets, { metadata: { namespace: den.namespace, name: 'moved', labels, annotations: moved }, data: { value: 'eA==' } });
      await create('vaultSecrets', den, mallory, 'moved', { vaultRef: { name: 'mine' }, generate: { uuid: {} }, target: {} });
    },
    outcome: { place: 'den', ref: 'VaultSecret/moved', reason: 'Conflict' } },
  { does: 'makes a target a source',
    attempt: beside('from-target', { secretRef: { name: 'shown' } }), outcome: { place: 'team', ref: 'VaultSecret/from-target', reason: 'SourceMissing' } },
  { does: 'takes a Secret without its owner\'s label as a source',
    attempt: beside('from-foreign', { secretRef: { name: 'private' } }), outcome: { place: 'team', ref: 'VaultSecret/from-foreign', reason: 'SourceMissing' } },
  { does: 'moves a resource of his to another vault',
    async attempt(scene) {
      await beside('mover', { vaultRef: { name: 'empty' }, generate: { uuid: {} } })(scene);
      await edit('vaultSecrets', scene.team, scene.mallory, 'mover', { vaultRef: { name: 'app' } });
    },
    outcome: { refused: /vaultRef/ } },
  { does: 'forges a status',
    attempt: ({ team, mallory }) => mallory.patchStatus(resources.vaultSecrets, { namespace: team.namespace, name: 'hidden-1' }, { target: 'x/y' }), outcome: { refused: /status/ } },
  { does: 'purges a deleted vault',
    async attempt({ team, mallory }) {
      const name = `${team.namespace}.deleted`;
      const live = await team.when(`DeletedVault/${name}`, ({ status }) => status?.['vaultId'] !== undefined);
      await mallory.mergePatch(resources.deletedVaults, { name }, { spec: { purge: live.status?.['vaultId'] } });
    },
    outcome: { refused: /purge/ } },
  { does: 'makes a DeletedVault', attempt: ({ den, mallory }) => mallory.create(resources.deletedVaults, { metadata: { name: `${den.namespace}.app` }, spec: {} }), outcome: { refused: /operator/ } },
  { does: 'takes a DeletedVault away',
    attempt: ({ team, mallory }) => mallory.delete(resources.deletedVaults, { name: `${team.namespace}.deleted` }), outcome: { refused: /operator/ } },
  { does: 'recovers a deleted vault', attempt: ({ team, mallory }) => create('vaults', team, mallory, 'deleted', { createMode: 'Recover' }), outcome: { refused: /recover/ } },
  { does: 'makes a deleted vault anew', attempt: ({ team, mallory }) => create('vaults', team, mallory, 'deleted', {}),
    outcome: { place: 'team', ref: 'Vault/deleted', reason: 'VaultDeletedButRecoverable' } },
  { does: 'makes a vault of the same name in his namespace, and reads an object of the same name',
    async attempt({ den, mallory }) {
      await create('vaults', den, mallory, 'app', {});
      await create('vaultSecrets', den, mallory, 'hidden-1', { ...inApp, target: {} });
    },
    outcome: { place: 'den', ref: 'VaultSecret/hidden-1', reason: 'WaitingForValue' } },
  { does: 'rotates the vault key by annotation',
    attempt: ({ team, mallory }) => mallory.mergePatch(resources.vaults, { namespace: team.namespace, name: 'app' }, { metadata: { annotations: { 'keystead.dev/rotate-vault-key': 'now' } } }), outcome: { refused: grant } },
  { does: 'deletes the vault and makes it anew',
    async attempt({ team, mallory }) {
      await mallory.delete(resources.vaults, { namespace: team.namespace, name: 'app' });
      await create('vaults', team, mallory, 'app', {});
    },
    outcome: { place: 'team', ref: 'Vault/app', reason: 'VaultDeletedButRecoverable' } },
];
