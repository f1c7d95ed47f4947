import type { KeyObject } from 'node:crypto';
import { KeysteadError } from '../../api/error.ts';
import { parseVaultIssuer } from '../../api/vault-issuer.ts';
import { describeKeyAlgorithm, exportPrivateKey, importPrivateKey, keyAlgorithmOf } from '../../crypto/keys.ts';
import { newSerialNumber } from '../../crypto/x509/certificate.ts';
import { caIssuer } from '../../issuers/ca.ts';
import type { CaKeys, CaMaterial } from '../../issuers/ca-keys.ts';
import type { Issuer } from '../../issuers/issuer.ts';
import { selfSignedIssuer } from '../../issuers/self-signed.ts';
import { newVersionId } from '../../vault/blobs.ts';
import type { Caller } from '../../vault/context.ts';
import type { VersionHead } from '../../vault/object-record.ts';
import { RecordChanged } from '../../vault/record-changed.ts';
import { usableVault } from '../usable-vault.ts';
import type { World } from '../world.ts';
import { issuerName, type Gathered } from './facts.ts';
import type { Subject } from './gather.ts';
import { mayReachTarget } from './reach.ts';
import { requestOf } from './request.ts';
import type { Issued } from './transition.ts';

/**
 * Makes a certificate that the decision wants: key, signature, nothing published yet.
 * @returns the error when the issuer refuses, which is a failed attempt
 * @throws whatever says nothing about the request: passing faults, a changed record
 */
export async function makeCertificate(world: World, caKeys: CaKeys, subject: Subject, facts: Gathered, caller: Caller): Promise<Issued | KeysteadError> {
  try {
    const { spec, vault } = subject;
    const current = facts.head?.certificate?.versions[0];
    const request = requestOf(spec);
    const key = (await reusableKey(world, subject, facts, caller)) ?? (await world.keys.generate(request.keyAlgorithm, subject.signal));
    const issuer = await issuerFor(world, caKeys, subject, facts, key, caller);
    const notBefore = facts.now;
    const notAfter = new Date(notBefore.getTime() + (request.durationMs ?? 0));
    const signed = issuer.sign({ request, publicKey: key, notBefore, notAfter, serialNumber: newSerialNumber(world.random) });
    const replaced = current === undefined ? undefined : await world.objects.publicPart(vault, spec.objectName, 'certificate', current.id);
    return { signed, privateKey: Buffer.from(exportPrivateKey(key)), versionId: newVersionId(world.random), replacedCaPem: replaced?.['ca'], issuer: issuerName(spec) };
  } catch (error) {
    if (error instanceof KeysteadError && error.consequence !== 'retry') return error;
    throw error;
  }
}

/**
 * The current version's key, where the spec wants to keep it. Never one that another resource made: that would hand a
 * recovered object's old key to whoever recovered it. Nor one that is older than the target and may not be written to it:
 * in a new version it would get there all the same (decisions 58).
 */
export async function reusableKey(world: World, { spec, vault }: Subject, facts: Gathered, caller: Caller): Promise<KeyObject | undefined> {
  const current = facts.head?.certificate?.versions[0];
  if (spec.privateKey.rotationPolicy !== 'Never' || current === undefined || current.origin !== facts.resource.uid) return undefined;
  if (!mayReachTarget(spec, facts, current)) return undefined;
  const key = await openKey(world, vault, spec.objectName, current.id, caller);
  const wanted = describeKeyAlgorithm(requestOf(spec).keyAlgorithm);
  return describeKeyAlgorithm(keyAlgorithmOf(key)) === wanted ? key : undefined;
}

async function openKey(world: World, vault: Subject['vault'], name: string, versionId: string, caller: Caller): Promise<KeyObject> {
  const privateKey = await openPrivateKey(world, vault, name, versionId, caller);
  try {
    return importPrivateKey(privateKey);
  } finally {
    privateKey.fill(0);
  }
}

async function openPrivateKey(world: World, vault: Subject['vault'], name: string, versionId: string, caller: Caller): Promise<Buffer> {
  const privateKey = (await world.objects.open(vault, name, 'certificate', versionId, 'CertificateGet', caller)).get('privateKey');
  if (privateKey === undefined) throw new RecordChanged(`Version ${versionId} of ${name}`);
  return privateKey;
}

async function issuerFor(world: World, caKeys: CaKeys, { spec }: Subject, facts: Gathered, key: KeyObject, caller: Caller): Promise<Issuer> {
  const resource = world.informers.vaultIssuers.get(issuerName(spec));
  const issuerSpec = resource === undefined ? undefined : parseVaultIssuer(resource);
  // Made only where it is thrown: an error with its stack takes 30 µs.
  const changed = (): RecordChanged => new RecordChanged(`VaultIssuer ${issuerName(spec)}`);
  // What the decision rests on may be gone by now; then it is decided again.
  if (issuerSpec === undefined || issuerSpec instanceof Error) throw changed();
  if (facts.issuer.kind === 'selfSigned' && issuerSpec.selfSigned !== undefined) return selfSignedIssuer(key);
  if (facts.issuer.kind !== 'ca' || issuerSpec.ca === undefined) throw changed();
  const { ca } = issuerSpec;
  const { versionId } = facts.issuer;
  const vault = await usableVault(world, spec.issuerRef?.namespace ?? '', ca.vaultRef.name);
  const head = await world.objects.get(vault, ca.certificateName);
  const version = head?.certificate?.versions.find((one) => one.id === versionId);
  if (head === undefined || version === undefined) throw new RecordChanged(`CA certificate ${ca.certificateName}`);
  const loaded = await caKeys.get(versionId, () => readCa(world, vault, ca.certificateName, version, caller));
  // The key stays in memory for minutes; each signature by it is recorded all the same, and before it is made.
  await world.objects.used(vault, head, 'certificate', versionId, 'KeySign', caller);
  return caIssuer(loaded, ca);
}

async function readCa(world: World, vault: Subject['vault'], name: string, version: VersionHead, caller: Caller): Promise<CaMaterial> {
  const shown = await world.objects.publicPart(vault, name, 'certificate', version.id);
  const privateKey = await openPrivateKey(world, vault, name, version.id, caller);
  return { chainPem: shown?.['certificate'] ?? '', caPem: shown?.['ca'] ?? '', thumbprint: version.certificate?.thumbprint ?? '', privateKey };
}
