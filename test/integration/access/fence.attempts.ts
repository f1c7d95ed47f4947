import { resources } from '../../../src/kube/resource.ts';
import { apply, create, patch, remove, removeAll, type Attempt, type Expected } from './attempts.ts';

/** Attacks by a taken-over operator, which here holds cluster-admin: what the fence alone stops (decisions 4, 28, 46). */

const namespace = 'team-a';
const { secrets, deployments } = resources;
const managed = { 'keystead.dev/managed': 'app' };
const data = { data: { password: Buffer.from('x').toString('base64') } };

const fence = (says: string): Expected => ({ guard: 'keystead-fence-secrets', says });
const wrongType = fence(
  'The Keystead operator creates only Secrets of the types Opaque, kubernetes.io/tls, kubernetes.io/dockerconfigjson, kubernetes.io/basic-auth, kubernetes.io/ssh-auth. Choose another target.type.',
);
const unlabelled = fence('A Secret that the Keystead operator creates must carry the label keystead.dev/managed.');
const notManaged = fence('This Secret is not managed by Keystead. Its owner can let Keystead merge keys into it with the label keystead.dev/merge.');
const notDeleted = fence('The Keystead operator deletes only Secrets that carry the label keystead.dev/managed.');
const kubeNamespace = fence('The Keystead operator writes no Secret in a kube-* namespace. Choose another target.namespace.');
const ownNamespace = fence('In its own namespace the Keystead operator writes only its records, never a target. Choose another target.namespace.');
const reservedKey = fence(
  'The Keystead operator sets no label or annotation of a reserved domain on a Secret (keystead.dev, kubernetes.io, k8s.io, argocd.argoproj.io, argoproj.io, helm.sh, helm.toolkit.fluxcd.io, kustomize.toolkit.fluxcd.io, sealedsecrets.bitnami.com, cert-manager.io, external-secrets.io, x-k8s.io, emberstack.com, replicator.v1.mittwald.de). Remove it from target.template.',
);

const by = (does: string, call: Attempt['call'], expected: Expected): Attempt => ({ who: 'operator', does, call, expected });
const made = (metadata: object, more: object = {}, where = namespace) => create(secrets, { namespace: where, name: 'new' }, { metadata, ...more });
const token = { type: 'kubernetes.io/service-account-token' };
const tokenOf = { annotations: { 'kubernetes.io/service-account.name': 'default' } };

const secretAttempts: readonly Attempt[] = [
  by('creates a target', made({ labels: managed }, data), 'allowed'),
  by('creates a target with labels of its owner', made({ labels: { ...managed, 'app.kubernetes.io/managed-by': 'keystead', team: 'a', 'example.com/x': 'y' } }, data), 'allowed'),
  by('creates a Secret without its label', made({}, data), unlabelled),
  by('creates one by server-side apply', apply(secrets, { namespace, name: 'new' }, data), unlabelled),
  by('mints a ServiceAccount token', made({ labels: managed, ...tokenOf }, token), wrongType),
  by('creates a bootstrap token', made({ labels: managed }, { type: 'bootstrap.kubernetes.io/token', ...data }), wrongType),
  by('creates a Helm release', made({ labels: managed }, { type: 'helm.sh/release.v1', ...data }), wrongType),
  by('writes into kube-system', made({ labels: managed }, data, 'kube-system'), kubeNamespace),
  by('writes into kube-public', made({ labels: managed }, data, 'kube-public'), kubeNamespace),
  by('makes a target in its own namespace', made({ labels: managed }, data, 'keystead-system'), ownNamespace),
  by("mints the server's token in its own namespace", made({ annotations: { 'kubernetes.io/service-account.name': 'keystead-server' } }, token, 'keystead-system'), ownNamespace),
  by('deletes a foreign Secret in its own namespace', remove(secrets, { namespace: 'keystead-system', name: 'pull' }), ownNamespace),
  by('changes a target', patch(secrets, { namespace, name: 'db' }, data), 'allowed'),
  by('deletes a target', remove(secrets, { namespace, name: 'db' }), 'allowed'),
  by('lets go of a target', patch(secrets, { namespace, name: 'db' }, { metadata: { labels: { 'keystead.dev/managed': null } } }), 'allowed'),
  by('overwrites a foreign Secret', patch(secrets, { namespace, name: 'foreign' }, data), notManaged),
  by('overwrites a foreign Secret by server-side apply', apply(secrets, { namespace, name: 'foreign' }, data), notManaged),
  by('claims a foreign Secret by label', patch(secrets, { namespace, name: 'foreign' }, { metadata: { labels: managed } }), notManaged),
  by('deletes a foreign Secret', remove(secrets, { namespace, name: 'foreign' }), notDeleted),
  by('deletes all Secrets of a namespace', removeAll(secrets, namespace), notDeleted),
  by('merges into a Secret that consents', apply(secrets, { namespace, name: 'open' }, data), 'allowed'),
  by("merges into one of its owner's own type", apply(secrets, { namespace, name: 'open-mesh' }, data), 'allowed'),
  by('merges into a bootstrap token', apply(secrets, { namespace, name: 'open-token' }, data),
    fence('The Keystead operator never writes into Secrets of the types kubernetes.io/service-account-token, bootstrap.kubernetes.io/token, helm.sh/release.v1. Choose another target.')),
  by('claims a Secret that consents to merging', patch(secrets, { namespace, name: 'open' }, { metadata: { labels: managed } }), notManaged),
  by('deletes a Secret that consents to merging', remove(secrets, { namespace, name: 'open' }), notDeleted),
  by('makes a target into a source: A to B to A', patch(secrets, { namespace, name: 'db' }, { metadata: { labels: { 'keystead.dev/source': 'app' } } }), reservedKey),
  by('consents to merging in the name of the owner', made({ labels: { ...managed, 'keystead.dev/merge': 'true' } }, data), reservedKey),
  by('makes a target into an Argo CD repository', made({ labels: { ...managed, 'argocd.argoproj.io/secret-type': 'repository' } }, data), reservedKey),
  by('makes a target into a sealing key', made({ labels: { ...managed, 'sealedsecrets.bitnami.com/sealed-secrets-key': 'active' } }, data), reservedKey),
  by('sets an annotation of Kubernetes', made({ labels: managed, annotations: { 'kubernetes.io/description': 'x' } }, data), reservedKey),
  by("changes another tool's label on a Secret that consents", patch(secrets, { namespace, name: 'open' }, { metadata: { labels: { 'argocd.argoproj.io/secret-type': 'cluster' } } }), reservedKey),
  by('hides a reserved domain in capitals', made({ labels: managed, annotations: { 'Kubernetes.IO/description': 'x' } }, data), reservedKey),
];

const onWorkload = (says: string): Expected => ({ guard: 'keystead-fence-workloads', says });
const onlyAnnotations = onWorkload('On a workload the Keystead operator changes nothing but annotations keystead.dev/* of the pod template.');
const neither = onWorkload('The Keystead operator neither creates nor deletes workloads.');
const shop = { namespace, name: 'shop' };
const roll = { spec: { template: { metadata: { annotations: { 'keystead.dev/content': 'hash' } } } } };
const pods = (spec: object) => ({ spec: { template: { spec } } });

const workloadAttempts: readonly Attempt[] = [
  by('restarts a workload that asked for it', patch(deployments, shop, roll), 'allowed'),
  by('restarts one that did not', patch(deployments, { namespace, name: 'quiet' }, roll),
    onWorkload('The Keystead operator restarts only workloads that carry the annotation keystead.dev/restart-on. Add it to the workload.')),
  by('changes the image', patch(deployments, shop, pods({ containers: [{ name: 'main', image: 'example.test/evil:1' }] })), onlyAnnotations),
  by('changes the ServiceAccount', patch(deployments, shop, pods({ serviceAccountName: 'admin' })), onlyAnnotations),
  by('changes the image along with a restart', patch(deployments, shop, { spec: { template: { ...roll.spec.template, ...pods({ containers: [{ name: 'main', image: 'evil' }] }).spec.template } } }), onlyAnnotations),
  by('scales', patch(deployments, shop, { spec: { replicas: 0 } }), onlyAnnotations),
  by('pauses', patch(deployments, shop, { spec: { paused: true } }), onlyAnnotations),
  by('sets another annotation of the pod template', patch(deployments, shop, { spec: { template: { metadata: { annotations: { 'sidecar.istio.io/inject': 'false' } } } } }), onlyAnnotations),
  by('sets a label of the pod template', patch(deployments, shop, { spec: { template: { metadata: { labels: { extra: 'x' } } } } }), onlyAnnotations),
  by('sets an annotation of the workload', patch(deployments, shop, { metadata: { annotations: { 'example.com/x': 'y' } } }), onlyAnnotations),
  by('owns a workload', patch(deployments, shop, { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 'db', uid: '1' }] } }), onlyAnnotations),
  by('creates a workload', create(deployments, { namespace, name: 'new' }, {
    spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
  }), neither),
  by('deletes a workload', remove(deployments, shop), neither),
];

const noSpec: Expected = { guard: 'keystead-fence-resources', says: 'The Keystead operator writes no custom resource but its status.' };
const resourceAttempts: readonly Attempt[] = [
  by('changes a Vault', patch(resources.vaults, { namespace, name: 'app' }, { spec: { limits: { objects: 5 } } }), noSpec),
  by('adds a finalizer', patch(resources.vaultSecrets, { namespace, name: 'db' }, { metadata: { finalizers: ['keystead.dev/x'] } }), noSpec),
  by('deletes a VaultSecret', remove(resources.vaultSecrets, { namespace, name: 'db' }), noSpec),
  by('declares a certificate', create(resources.vaultCertificates, { namespace, name: 'new' }, {
    spec: { vaultRef: { name: 'app' }, issuerRef: { name: 'own-ca' }, commonName: 'evil' },
  }), noSpec),
];

/** Somebody else's writes: no guard of ours has a word to say. */
const bystanderAttempts: readonly Attempt[] = [
  { who: 'eve', does: 'creates a Secret of any type', call: made({ labels: { 'argocd.argoproj.io/secret-type': 'repository' } }, { type: 'helm.sh/release.v1' }, 'team-b'), expected: 'allowed' },
  { who: 'eve', does: 'creates a ServiceAccount token in kube-system', call: made(tokenOf, token, 'kube-system'), expected: 'allowed' },
  { who: 'eve', does: 'uses our type of record elsewhere', call: made({}, { type: 'keystead.dev/record' }, 'team-b'), expected: 'allowed' },
  { who: 'eve', does: 'changes a Secret', call: patch(secrets, { namespace, name: 'foreign' }, data), expected: 'allowed' },
  { who: 'eve', does: 'changes even a target of ours: the operator mends it', call: patch(secrets, { namespace, name: 'db' }, data), expected: 'allowed' },
  { who: 'eve', does: 'consents to merging', call: patch(secrets, { namespace, name: 'foreign' }, { metadata: { labels: { 'keystead.dev/merge': 'true' } } }), expected: 'allowed' },
  { who: 'eve', does: 'deletes a Secret', call: remove(secrets, { namespace, name: 'foreign' }), expected: 'allowed' },
  { who: 'eve', does: 'changes an image', call: patch(deployments, shop, pods({ containers: [{ name: 'main', image: 'example.test/shop:2' }] })), expected: 'allowed' },
  { who: 'eve', does: 'deletes a workload', call: remove(deployments, shop), expected: 'allowed' },
];

export const fenceAttempts: readonly Attempt[] = [...secretAttempts, ...workloadAttempts, ...resourceAttempts, ...bystanderAttempts];
