/**
 * A recovery tool written from docs/records.md alone: it imports nothing of Keystead. It proves that the page is enough,
 * and it works when nothing else does: `node recover.mjs DUMP.json` (or the dump on standard input) prints every value.
 * Whatever does not verify is reported and left out; nothing is printed of it.
 */
import { createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** docs/records.md, "Encoding of what is bound". */
export function canonical(parts) {
  const number = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
  const encoded = parts.map((part) => Buffer.from(part, 'utf8'));
  return Buffer.concat([number(encoded.length), ...encoded.flatMap((part) => [number(part.length), part])]);
}

/** "Sealed bytes": iv (12), ciphertext, tag (16). Throws if anything is not as it was. */
function open(key, sealed, bound) {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(bound).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
}

const derive = (key, salt, info) => Buffer.from(hkdfSync('sha256', key, salt, info, 32));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const base64 = (text) => Buffer.from(text, 'base64');
export const recordName = (letter, first, second) => `${letter}-${sha256(`${first}\0${second}`).slice(0, 40)}`;

/** "The root key". */
export function rootKeyOf(secret) {
  const derived = (purpose) => derive(secret, Buffer.alloc(0), canonical([purpose]));
  const check = createHmac('sha256', derived('keystead/root-check')).update('keystead root key').digest('hex').slice(0, 32);
  return { check, unwrap: (wrapped, ...context) => open(derived('keystead/root-wrap'), base64(wrapped), canonical(['keystead/root', ...context])) };
}

/** "A document": the head, once its code is right under the vault key that it names. */
function headOf(name, document, vaultId, vaultKeys) {
  const keyId = document.mac.vaultKey;
  const headKey = derive(vaultKeys.get(keyId), Buffer.alloc(0), canonical(['keystead/subkey', 'head', keyId]));
  const code = createHmac('sha256', headKey).update(canonical(['keystead/head', '1', vaultId, name, document.head])).digest('base64');
  if (code !== document.mac.value) throw new Error('the head is not authentic');
  return JSON.parse(document.head);
}

/** "The vault's record". */
function openVault(name, body, rootKey) {
  const document = JSON.parse(body);
  const claimed = JSON.parse(document.head);
  if (name !== recordName('v', claimed.namespace, claimed.name)) throw new Error('the record lies under another name');
  const keys = new Map(claimed.keys.map(({ id, wrapped }) => [id, rootKey.unwrap(wrapped, 'vault-key', claimed.vaultId, id)]));
  return { head: headOf(name, document, claimed.vaultId, keys), keys };
}

/** "The blob of a version". */
function openVersion(vault, head, kind, version, blobText) {
  if (sha256(blobText ?? '') !== version.blob) throw new Error(`version ${version.id} has another hash`);
  const blob = JSON.parse(blobText);
  const place = ['1', head.vaultId, kind, head.name.toLowerCase(), version.id];
  const { vaultKey, salt, wrapped } = blob.dataKey;
  const bound = canonical(['keystead/wrap', ...place, vaultKey]);
  const dataKey = open(derive(vault.keys.get(vaultKey), base64(salt), bound), base64(wrapped), bound);
  const fields = Object.entries(blob.fields).map(([field, sealed]) => [field, open(dataKey, base64(sealed), canonical(['keystead/data', ...place, field]))]);
  return { id: version.id, created: version.created, public: blob.public, fields: Object.fromEntries(fields.map(([field, value]) => [field, value.toString('base64')])) };
}

/** "A pending operation": the key that a CSR was made with, while its certificate is still to come. */
function pendingOf(vault, head, kind, blobs) {
  const pending = head[kind].operation?.pending;
  return pending === undefined ? {} : { pending: { csr: pending.csr, ...openVersion(vault, head, kind, pending.version, blobs.get(pending.version.id)) } };
}

/** "An object's record" and "Archives". */
function openObject(name, body, vault, records) {
  const document = JSON.parse(body);
  const head = headOf(name, document, vault.head.vaultId, vault.keys);
  if (name !== recordName('o', head.vaultId, head.name.toLowerCase())) throw new Error('the record lies under another name');
  const blobs = new Map(Object.entries(document.blobs ?? {}));
  for (const { name: archive, hash } of head.archives) {
    if (sha256(records.get(archive)?.body ?? '') !== hash) throw new Error(`archive ${archive} has another hash`);
    for (const [id, blob] of Object.entries(JSON.parse(records.get(archive).body).blobs)) blobs.set(id, blob);
  }
  return ['secret', 'certificate'].flatMap((kind) => head[kind] === undefined ? [] : [{
    vault: `${vault.head.namespace}/${vault.head.name}`, kind, name: head.name, deleted: head[kind].deleted !== undefined || vault.head.deleted !== undefined,
    versions: head[kind].versions.map((version) => openVersion(vault, head, kind, version, blobs.get(version.id))),
    ...pendingOf(vault, head, kind, blobs),
  }]);
}

/** Everything in a dump (`kubectl get secrets -o json`): what opened, and what did not. */
export function recover(dump) {
  const secret = dump.items.find(({ type }) => type === 'keystead.dev/root-key');
  const rootKey = rootKeyOf(base64(secret.data['root-key']));
  const records = new Map(dump.items.filter(({ type }) => type === 'keystead.dev/record').map(({ metadata, data }) => [
    metadata.name, { kind: metadata.labels['keystead.dev/record'], vaultId: metadata.labels['keystead.dev/vault-id'], body: base64(data.record) }]));
  const problems = [];
  const attempt = (name, what) => { try { return what(); } catch (error) { problems.push({ record: name, problem: error.message }); return undefined; } };
  const of = (kind) => [...records].filter(([, record]) => record.kind === kind);
  const vaults = new Map(of('vault').flatMap(([name, { body }]) => attempt(name, () => openVault(name, body, rootKey)) ?? []).map((vault) => [vault.head.vaultId, vault]));
  const objects = of('object').flatMap(([name, { body, vaultId }]) => attempt(name, () => openObject(name, body, vaults.get(vaultId), records)) ?? []);
  return { objects, problems };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(JSON.stringify(recover(JSON.parse(readFileSync(process.argv[2] ?? 0, 'utf8'))), null, 2));
}
