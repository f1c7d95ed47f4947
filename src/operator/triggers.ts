import type { Declarations } from '../controllers/declarations.ts';
import { deletedVaultNames } from '../controllers/deleted-vault/controller.ts';
import { ownersOf } from '../controllers/target/identity.ts';
import type { Informers, World } from '../controllers/world.ts';
import { deletedVaultName } from '../api/deleted-vault.ts';
import type { Change } from '../kube/cache.ts';
import { keyOf, type CustomObject, type KubeObject } from '../kube/object.ts';
import type { ObjectHead } from '../vault/object-record.ts';
import type { VaultHead } from '../vault/vault-record.ts';
import type { ControllerName, Router } from './queues.ts';

/**
 * What has to be looked at when something changes. Handlers only add keys to queues. A process does not wake itself by
 * its own writes: whoever wrote knows (decisions 7).
 */

const controllerOf: Readonly<Record<string, ControllerName>> = { VaultSecret: 'vault-secret', VaultCertificate: 'vault-certificate' };

const DEEPEST_CHAIN = 8;
/** Counts follow at most this often (decisions 7). */
const VAULT_STATUS_MS = 10_000;

/** Whether a resource says something else than before: its status is ours, and not listened to. */
function saysSomethingElse(before: KubeObject, after: KubeObject): boolean {
  const [a, b] = [before.metadata, after.metadata];
  return (
    a.uid !== b.uid ||
    a.generation !== b.generation ||
    a.deletionTimestamp !== b.deletionTimestamp ||
    JSON.stringify(a.annotations) !== JSON.stringify(b.annotations)
  );
}

/** Wakes everything that a change of a cached object concerns. Called once; what it wakes is the router's to know. */
export function watchInformers(world: Pick<World, 'informers' | 'policies' | 'guards'>, router: Router): void {
  const { informers, policies, guards } = world;
  const own = <T extends KubeObject>(controller: ControllerName, more: (change: Change<T>) => void = () => {}) => (change: Change<T>): void => {
    if (change.own || (change.type === 'updated' && !saysSomethingElse(change.previous, change.object))) return;
    router.changed(controller, change.key);
    more(change);
  };
  informers.vaults.onChange(own('vault', (change) => change.type !== 'updated' && wakeContents(informers, router, change.key)));
  informers.deletedVaults.onChange(own('deleted-vault'));
  informers.vaultSecrets.onChange(own('vault-secret'));
  informers.vaultCertificates.onChange(own('vault-certificate'));
  informers.vaultIssuers.onChange(own('vault-issuer', (change) => wakeCertificates(informers, router, change.key)));
  informers.accessPolicies.onChange((change) => {
    policies.take(change.key, change.object);
    own<CustomObject<{ readonly vaultRef: { readonly name: string } }>>('access-policy', ({ object, previous }) => {
      for (const one of [object, previous]) {
        if (one !== undefined) wakeContents(informers, router, `${one.metadata.namespace ?? ''}/${one.spec.vaultRef.name}`);
      }
    })(change);
  });
  watchSecrets(informers, router);
  guards.watch(() => {
    if (guards.missing === undefined) policies.retryPending();
    for (const policy of informers.accessPolicies.list()) router.routine('access-policy', keyOf(policy.metadata));
    for (const vault of informers.vaults.list()) {
      router.routine('vault', keyOf(vault.metadata));
      wakeContents(informers, router, keyOf(vault.metadata));
    }
  });
}

function watchSecrets(informers: Informers, router: Router): void {
  for (const informer of [informers.managedSecrets, informers.mergeSecrets]) {
    informer.onChange((change) => {
      if (change.own || change.type === 'added') return;
      for (const secret of [change.object, change.previous]) {
        if (secret !== undefined) wakeOwners(router, secret);
      }
    });
  }
  // A Secret that appears or changes may be what a target waits for: one in the way that goes, one that consents to Merge.
  informers.mergeSecrets.onChange((change) => {
    if (!change.own) wakeTargets(informers, router, change.key);
  });
  informers.managedSecrets.onChange((change) => {
    if (!change.own && change.type === 'removed') wakeTargets(informers, router, change.key);
  });
  informers.sourceSecrets.onChange(({ key }) => {
    for (const secret of informers.vaultSecrets.keysBy('source', key)) router.changed('vault-secret', secret);
    for (const certificate of informers.vaultCertificates.keysBy('source', key)) router.changed('vault-certificate', certificate);
  });
  informers.sourceConfigMaps.onChange(({ key }) => {
    for (const certificate of informers.vaultCertificates.keysBy('answer', key)) router.changed('vault-certificate', certificate);
  });
  informers.namespaces.onChange((change) => {
    if (change.type === 'updated' && JSON.stringify(change.object.metadata.labels) === JSON.stringify(change.previous.metadata.labels)) return;
    for (const secret of informers.vaultSecrets.keysBy('targetNamespace', change.key)) router.changed('vault-secret', secret);
    for (const certificate of informers.vaultCertificates.keysBy('targetNamespace', change.key)) router.changed('vault-certificate', certificate);
    for (const issuer of informers.vaultIssuers.list()) if (issuer.spec.allowedNamespaces?.from === 'Selector') wakeCertificates(informers, router, keyOf(issuer.metadata));
  });
}

function wakeOwners(router: Router, secret: Parameters<typeof ownersOf>[0]): void {
  for (const { kind, namespace, name } of ownersOf(secret)) {
    const controller = controllerOf[kind];
    if (controller !== undefined) router.changed(controller, `${namespace}/${name}`);
  }
}

function wakeTargets(informers: Informers, router: Router, key: string): void {
  for (const secret of informers.vaultSecrets.keysBy('target', key)) router.changed('vault-secret', secret);
  for (const certificate of informers.vaultCertificates.keysBy('target', key)) router.changed('vault-certificate', certificate);
}

/** Everything that a vault holds, as routine: thousands may be concerned, and new ones overtake them. */
function wakeContents(informers: Informers, router: Router, vault: string): void {
  for (const key of informers.vaultSecrets.keysBy('vault', vault)) router.routine('vault-secret', key);
  for (const key of informers.vaultCertificates.keysBy('vault', vault)) router.routine('vault-certificate', key);
  for (const key of informers.vaultIssuers.keysBy('vault', vault)) {
    router.routine('vault-issuer', key);
    // They may be in other namespaces.
    wakeCertificates(informers, router, key);
  }
  for (const key of informers.accessPolicies.keysBy('vault', vault)) router.routine('access-policy', key);
}

/**
 * Everything that an issuer signed, down to the leaves: a new root shows in the `ca.crt` of all of them. A circle of
 * issuers, which the resources do not forbid, ends at the depth that chains may have.
 */
function wakeCertificates(informers: Informers, router: Router, issuer: string, depth = 0): void {
  for (const certificate of informers.vaultCertificates.by('issuer', issuer)) {
    router.routine('vault-certificate', keyOf(certificate.metadata));
    if (certificate.spec.isCA !== true || depth >= DEEPEST_CHAIN) continue;
    const { vaultRef, objectName } = certificate.spec;
    const object = `${certificate.metadata.namespace ?? ''}/${vaultRef.name}/${(objectName ?? certificate.metadata.name).toLowerCase()}`;
    for (const below of informers.vaultIssuers.keysBy('certificate', object)) wakeCertificates(informers, router, below, depth + 1);
  }
}

/** Wakes what a change of a vault's record concerns. */
export function vaultRecordChanged(informers: Informers, router: Router, before: VaultHead | undefined, after: VaultHead | undefined, own: boolean): void {
  const head = after ?? before;
  if (head === undefined) return;
  const key = `${head.namespace}/${head.name}`;
  if (!own) router.changed('vault', key);
  if (before?.deleted?.at !== after?.deleted?.at) router.changed('deleted-vault', deletedVaultName(head.namespace, head.name));
  // Made, deleted, recovered or purged, or with other limits: whatever is in it can, or can't, go on. What somebody else
  // wrote may be no record at all, or one again.
  const opened = !own || before?.deleted?.at !== after?.deleted?.at || before?.resourceUid !== after?.resourceUid;
  if (opened) router.changed('vault', key);
  if (opened || JSON.stringify(before?.limits) !== JSON.stringify(after?.limits)) wakeContents(informers, router, key);
}

/** What `objectRecordChanged` needs to know. */
export interface ObjectTriggers {
  readonly informers: Informers;
  readonly declarations: Declarations;
  readonly router: Router;
  readonly vaultOf: (vaultId: string) => { readonly namespace: string; readonly name: string } | undefined;
}

/** Wakes what a change of an object's record concerns. */
export function objectRecordChanged(triggers: ObjectTriggers, before: ObjectHead | undefined, after: ObjectHead | undefined, own: boolean): void {
  const { informers, declarations, router } = triggers;
  const touched = declarations.update(before, after);
  const head = after ?? before;
  const vault = triggers.vaultOf(head?.vaultId ?? '');
  if (head === undefined || vault === undefined) return;
  router.later('vault', `${vault.namespace}/${vault.name}`, VAULT_STATUS_MS);
  if (!own) {
    for (const declaration of touched) wakeDeclaring(router, declaration);
  }
  const object = `${vault.namespace}/${vault.name}/${head.name.toLowerCase()}`;
  if (!own || standing(before) !== standing(after)) {
    for (const key of informers.vaultSecrets.keysBy('object', object)) router.changed('vault-secret', key);
    for (const key of informers.vaultCertificates.keysBy('object', object)) router.changed('vault-certificate', key);
  }
  if (before?.certificate?.versions[0]?.id !== after?.certificate?.versions[0]?.id || standing(before) !== standing(after)) {
    for (const key of informers.vaultIssuers.keysBy('certificate', object)) {
      router.changed('vault-issuer', key);
      wakeCertificates(informers, router, key);
    }
  }
}

/** Whose the object is and whether it is there: what others who want the same object wait for. */
function standing(head: ObjectHead | undefined): string {
  return [head?.secret, head?.certificate].map((state) => `${state?.declaredBy?.uid ?? ''}/${state?.deleted?.at ?? ''}`).join(' ');
}

function wakeDeclaring(router: Router, declaration: string): void {
  const [kind = '', namespace = '', name = ''] = declaration.split('/');
  const controller = controllerOf[kind];
  if (controller !== undefined) router.changed(controller, `${namespace}/${name}`);
}

/** The first look of a term: at everything, what was never looked at before first. */
export function wakeEverything(world: World, router: Router): void {
  const { informers } = world;
  const look = (controller: ControllerName, objects: readonly CustomObject<unknown, { readonly observedGeneration?: number | undefined }>[]): void => {
    for (const object of objects) {
      if ((object.status?.observedGeneration ?? -1) < 0) router.changed(controller, keyOf(object.metadata));
      else router.routine(controller, keyOf(object.metadata));
    }
  };
  look('vault', informers.vaults.list());
  look('deleted-vault', informers.deletedVaults.list());
  look('vault-issuer', informers.vaultIssuers.list());
  look('vault-secret', informers.vaultSecrets.list());
  look('vault-certificate', informers.vaultCertificates.list());
  look('access-policy', informers.accessPolicies.list());
  for (const declaration of world.declarations.keys()) {
    const [kind = '', namespace = '', name = ''] = declaration.split('/');
    const declaring = kind === 'VaultSecret' ? informers.vaultSecrets : informers.vaultCertificates;
    // Resources that went while nobody looked.
    if (declaring.get(`${namespace}/${name}`) === undefined) wakeDeclaring(router, declaration);
  }
  for (const head of world.vaults.heads()) router.routine('vault', `${head.namespace}/${head.name}`);
  for (const name of deletedVaultNames(world)) router.routine('deleted-vault', name);
}
