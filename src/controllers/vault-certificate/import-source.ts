import type { KeyObject, X509Certificate } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import { exportPrivateKey, importPrivateKey } from '../../crypto/keys.ts';
import { chainCaps, parsePemCertificates } from '../../crypto/x509/pem.ts';
import { readPkcs12 } from '../../crypto/pkcs12/read.ts';
import { readImport } from '../../issuers/external/imported.ts';
import type { Secret } from '../../kube/kinds.ts';
import { isNotFound } from '../../kube/errors.ts';
import { resources } from '../../kube/resource.ts';
import { newVersionId } from '../../vault/blobs.ts';
import { RecordChanged } from '../../vault/record-changed.ts';
import { sourceSecret, type SourceSecret } from '../vault-secret/source.ts';
import { MANAGED_LABEL, SOURCE_LABEL, type World } from '../world.ts';
import type { Gathered, SourceProblem } from './facts.ts';
import type { Subject } from './gather.ts';
import { requestOf } from './request.ts';
import type { Issued } from './transition.ts';

/*
 * Certificates that are there already, in a Secret whose owner lets this vault read it. The Secret is watched by digests, and
 * read only when a certificate is taken over.
 */

/** What would be imported now, as digests: equal if and only if it is the same. Or why there is nothing. */
export type ImportSource = { readonly parts: readonly string[] } | { readonly problem: SourceProblem };

/** Undefined when the spec names no source. */
export function importSource(world: Pick<World, 'informers'>, namespace: string, spec: VaultCertificateSpec): ImportSource | undefined {
  return spec.import === undefined ? undefined : sourceOf(world.informers.sourceSecrets.get(`${namespace}/${spec.import.secretRef.name}`), spec);
}

function sourceOf(secret: SourceSecret | undefined, spec: VaultCertificateSpec): ImportSource {
  const { secretRef: { name = '' } = {}, pkcs12 } = spec.import ?? {};
  const labels = secret?.metadata.labels;
  const missing = (message: string): ImportSource => ({ problem: { reason: 'SourceMissing', message } });
  if (secret === undefined || labels?.[SOURCE_LABEL] !== spec.vaultRef.name) {
    return missing(`Secret ${name} to import from does not exist here with the label ${SOURCE_LABEL}: ${spec.vaultRef.name}. Create it, or have its owner put the label on it.`);
  }
  // What Keystead writes is never what Keystead reads: else a target could feed itself (decisions 28).
  if (labels[MANAGED_LABEL] !== undefined) return missing(`Secret ${name} is written by Keystead itself, so nothing is imported from it. Name another Secret.`);
  const digest = (key: string): string | undefined => (Object.hasOwn(secret.digests, key) ? secret.digests[key] : undefined);
  const [needed, more] = pkcs12 === undefined ? [['tls.crt', 'tls.key'], 'ca.crt'] : [[pkcs12.key], pkcs12.passwordKey];
  const absent = needed.find((key) => digest(key) === undefined);
  if (absent !== undefined) return missing(`Secret ${name} to import from has no key ${absent}. Add it, or correct spec.import.`);
  return { parts: ['import-1', ...needed.map((key) => digest(key) ?? ''), digest(more) ?? ''] };
}

/**
 * Reads what was found, and nothing else: whether it is a certificate with its key that may take the place of the current one.
 * @returns the error when it is not
 * @throws RecordChanged when the Secret is another one by now; passing faults
 */
export async function importCertificate(world: World, subject: Subject, facts: Gathered): Promise<Issued | KeysteadError> {
  const { resource, spec, signal } = subject;
  const { namespace = '' } = resource.metadata;
  const name = spec.import?.secretRef.name ?? '';
  const secret = await world.client.get(resources.secrets, { namespace, name }, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  const found = sourceOf(secret && sourceSecret(secret), spec);
  if (JSON.stringify(found) !== JSON.stringify(importSource(world, namespace, spec)) || secret === undefined) throw new RecordChanged(`Secret ${namespace}/${name}`);
  try {
    const { certificates, privateKey, caPem } = await readSource(secret, spec);
    const request = spec.issuerRef === undefined ? undefined : requestOf(spec);
    const signed = readImport({ certificates, privateKey, caPem, request, isCA: spec.isCA, now: facts.now });
    const current = facts.head?.certificate?.versions[0];
    const replaced = current === undefined ? undefined : await world.objects.publicPart(subject.vault, spec.objectName, 'certificate', current.id);
    return { signed, privateKey: Buffer.from(exportPrivateKey(privateKey)), versionId: newVersionId(world.random), replacedCaPem: replaced?.['ca'], issuer: '' };
  } catch (error) {
    if (error instanceof KeysteadError && error.consequence !== 'retry') return error;
    throw error;
  }
}

interface ImportMaterial {
  readonly certificates: readonly X509Certificate[];
  readonly privateKey: KeyObject;
  readonly caPem: string | undefined;
}

/** @throws KeysteadError InvalidCertificate, InvalidKey, InvalidPkcs12, Pkcs12PasswordWrong; none of them holds any of it */
async function readSource({ data = {} }: Secret, { import: from }: VaultCertificateSpec): Promise<ImportMaterial> {
  const value = (key: string): Buffer => Buffer.from((Object.hasOwn(data, key) ? data[key] : undefined) ?? '', 'base64');
  if (from?.pkcs12 !== undefined) return readFile(value(from.pkcs12.key), value(from.pkcs12.passwordKey));
  const key = value('tls.key');
  try {
    return { certificates: parsePemCertificates(value('tls.crt').toString(), chainCaps), privateKey: importPrivateKey(key), caPem: value('ca.crt').toString() };
  } finally {
    key.fill(0);
  }
}

async function readFile(file: Buffer, password: Buffer): Promise<ImportMaterial> {
  try {
    const { certificates, privateKey } = await readPkcs12(file, password.toString());
    if (privateKey === undefined) throw new KeysteadError('InvalidPkcs12', 'The PKCS#12 file has certificates only. Export it with the private key.', 'stalled');
    return { certificates, privateKey, caPem: undefined };
  } finally {
    file.fill(0);
    password.fill(0);
  }
}
