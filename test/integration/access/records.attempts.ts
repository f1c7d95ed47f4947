import { resources } from '../../../src/kube/resource.ts';
import type { ActorName } from './actors.ts';
import { create, patch, remove, removeAll, type Attempt, type Call, type Expected } from './attempts.ts';

/** Attacks on what Keystead keeps: records, root key, identity, and the namespace with all of it (decisions 3, 15, 16). */

const namespace = 'keystead-system';
const { secrets, configMaps, namespaces } = resources;
const record = { namespace, name: 'o-1' };
const rootKey = { namespace, name: 'keystead-root-key' };
const identity = { namespace, name: 'keystead-identity' };
const data = { data: { body: Buffer.from('rolled back').toString('base64') } };
const owner = { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 'pull', uid: 'gone' }] } };

const isRecord: Expected = {
  guard: 'keystead-records',
  says: 'This Secret is a record of Keystead; only its own processes change it. Use the custom resources or kubectl keystead. To restore a dump, act as the operator: kubectl create --as=system:serviceaccount:keystead-system:keystead-operator -f FILE.',
};
const isRootKey: Expected = {
  guard: 'keystead-root-key',
  says: "This Secret is Keystead's root key: without it every vault is lost. It is made once by the operator, and never changed or deleted. To restore it from a backup, act as the operator: kubectl create --as=system:serviceaccount:keystead-system:keystead-operator -f FILE.",
};
const isIdentity: Expected = {
  guard: 'keystead-identity',
  says: "This ConfigMap holds the public part of Keystead's identity key. Only the operator writes it; it follows from the installation record.",
};
const touch = { metadata: { annotations: { 'example.com/reencrypted': 'today' } } };

const by = (who: ActorName, does: string, call: Call, expected: Expected): Attempt => ({ who, does, call, expected });

const recordAttempts: readonly Attempt[] = (['eve', 'admin'] as const).flatMap((who) => [
  by(who, 'changes a record', patch(secrets, record, data), isRecord),
  by(who, 'deletes a record', remove(secrets, record), isRecord),
  by(who, 'deletes all records', removeAll(secrets, namespace, 'type=keystead.dev/record'), isRecord),
  by(who, 'deletes all root keys', removeAll(secrets, namespace, 'type=keystead.dev/root-key'), isRootKey),
  by(who, 'puts a record in', create(secrets, { namespace, name: 'o-2' }, { type: 'keystead.dev/record', ...data }), isRecord),
  by(who, 'puts a checkpoint in', create(secrets, { namespace, name: 'c-2' }, { type: 'keystead.dev/checkpoint', ...data }), isRecord),
  by(who, 'hides a record from its selector', patch(secrets, record, { metadata: { labels: { 'keystead.dev/record': null } } }), isRecord),
  by(who, 'has a record collected as an orphan', patch(secrets, record, owner), isRecord),
  by(who, 'makes a record immutable', patch(secrets, record, { immutable: true }), isRecord),
  by(who, 'holds a record by a finalizer', patch(secrets, record, { metadata: { finalizers: ['example.com/mine'] } }), isRecord),
  by(who, 'touches a record, as a re-encryption does', patch(secrets, record, touch), 'allowed'),
  by(who, 'writes a record back unchanged', patch(secrets, record, {}), 'allowed'),
  by(who, 'changes the root key', patch(secrets, rootKey, data), isRootKey),
  by(who, 'deletes the root key', remove(secrets, rootKey), isRootKey),
  by(who, 'makes a root key', create(secrets, { namespace, name: 'keystead-root-key-2' }, { type: 'keystead.dev/root-key', ...data }), isRootKey),
  by(who, 'touches the root key, as a re-encryption does', patch(secrets, rootKey, touch), 'allowed'),
  by(who, 'puts in a key of his own as the identity', patch(configMaps, identity, { data: { 'identity.pub': 'forged' } }), isIdentity),
  by(who, 'makes the identity before the operator does', create(configMaps, identity, { data: { 'identity.pub': 'forged' } }), isIdentity),
  by(who, 'deletes the identity', remove(configMaps, identity), isIdentity),
  by(who, 'touches the identity', patch(configMaps, identity, touch), 'allowed'),
  by(who, "changes somebody else's Secret there", patch(secrets, { namespace, name: 'pull' }, data), 'allowed'),
  by(who, "changes somebody else's ConfigMap there", patch(configMaps, { namespace, name: 'settings' }, { data: { a: 'c' } }), 'allowed'),
]);

/** Even our own processes do only what is theirs. */
const processAttempts: readonly Attempt[] = [
  by('operator', 'writes a record', patch(secrets, record, data), 'allowed'),
  by('operator', 'removes a record', remove(secrets, record), 'allowed'),
  by('operator', 'makes the root key', create(secrets, { namespace, name: 'first' }, { type: 'keystead.dev/root-key', ...data }), 'allowed'),
  by('operator', 'changes the root key', patch(secrets, rootKey, data), isRootKey),
  by('operator', 'deletes the root key', remove(secrets, rootKey), isRootKey),
  by('operator', 'writes the identity', patch(configMaps, identity, { data: { 'identity.pub': 'new' } }), 'allowed'),
  by('server', 'writes a record', patch(secrets, record, data), 'allowed'),
  by('server', 'makes a root key', create(secrets, { namespace, name: 'first' }, { type: 'keystead.dev/root-key', ...data }), isRootKey),
  by('server', 'writes the identity', patch(configMaps, identity, { data: { 'identity.pub': 'forged' } }), isIdentity),
];

const namespaceAttempts: readonly Attempt[] = [
  by('admin', 'deletes a namespace of somebody else', remove(namespaces, { name: 'team-b' }), 'allowed'),
  by('admin', "labels the operator's namespace", patch(namespaces, { name: namespace }, { metadata: { labels: { a: 'b' } } }), 'allowed'),
  // The selector of the guards: the API server puts it back.
  by('admin', 'takes the name label away, by which guards select', patch(namespaces, { name: namespace }, { metadata: { labels: { 'kubernetes.io/metadata.name': null } } }), 'allowed'),
];

export const storedAttempts: readonly Attempt[] = [...recordAttempts, ...processAttempts, ...namespaceAttempts];
