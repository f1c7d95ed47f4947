import { readFileSync } from 'node:fs';
import { KeysteadError } from '../api/error.ts';
import { labels } from '../api/names.ts';
import { kinds, type VaultCertificateResource } from '../controllers/resources.ts';
import { publicKeyThumbprint } from '../crypto/keys.ts';
import { chainCaps, encodePem, parseCertificate, parsePemCertificates } from '../crypto/x509/pem.ts';
import type { KubeClient } from '../kube/client.ts';
import { isConflict, isNotFound } from '../kube/errors.ts';
import type { CustomObject } from '../kube/object.ts';
import { resources, typed } from '../kube/resource.ts';
import { readArguments, UsageError } from './args.ts';
import { clusterFlags, clusterOptions, printable, waitFor, withCluster } from './cluster.ts';
import { pendingCsr } from './csr.ts';
import { CommandFailed, exitCode, type Io } from './io.ts';

const COMMAND = 'kubectl keystead merge';
/** Server-side apply knows by this name what was merged from what is declared elsewhere (decisions 53). */
const FIELD_MANAGER = 'keystead-merge';

const usage = `Gives a signed certificate back for the CSR that waits for it, and waits until it is in force.

Usage:
  kubectl keystead merge VAULTCERTIFICATE -f FILE [-f FILE]... [flags]

The files hold the certificate and its chain, in PEM or DER, in any order; "-" is standard input. They are written to the
ConfigMap that spec.external.configMapRef names, if there is one, else to spec.external.signedCertificate. A certificate of
another key is not even sent.

Flags:
  -f, --filename FILE   a file with certificates; may be given several times
  --force               take spec.external over from whoever else declares it, such as a repository
${clusterFlags}

Examples:
  kubectl keystead merge web -n team-a -f web.crt -f chain.pem
  cat mail.txt | kubectl keystead merge web -f -
`;

const options = { ...clusterOptions, filename: { type: 'string', short: 'f', multiple: true }, force: { type: 'boolean', default: false } } as const;

const MERGED_WITHIN_MS = 30_000;

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments({ command: COMMAND, usage, options, positionals: { least: 1, most: 1 } }, args);
  if (values.filename === undefined) throw new UsageError(`${COMMAND} needs -f FILE. See "${COMMAND} --help".`);
  const pem = values.filename.map(readCertificates).join('');
  return withCluster(values, io, async ({ client, namespace }) => {
    const at = { namespace, name: positionals[0] ?? '' };
    const before = await client.get(kinds.vaultCertificates, at);
    const { id, parsed } = pendingCsr(before);
    if (!parsePemCertificates(pem, chainCaps).some((certificate) => publicKeyThumbprint(certificate.publicKey) === parsed.publicKeyThumbprint)) {
      throw new CommandFailed(`None of the certificates is about the key of the CSR that waits (SHA-256 ${parsed.publicKeyThumbprint}). Was an older CSR signed? Nothing was sent.`);
    }
    const generation = await send(client, before, pem, values.force);
    const after = await outcome(client, at, { id, before, generation }, io);
    io.stdout.write(`VaultCertificate ${namespace}/${at.name} is signed: serial ${printable(after.status?.serialNumber ?? '')}, valid until ${after.status?.notAfter ?? ''}\n`);
    return exitCode.ok;
  });
}

/** All certificates of a file as PEM. @throws UsageError, KeysteadError InvalidCertificate */
function readCertificates(path: string): string {
  let content: Buffer;
  try {
    content = readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read.`, { cause: error });
  }
  try {
    const certificates = content.includes('-----BEGIN') ? parsePemCertificates(content.toString('latin1'), chainCaps) : [parseCertificate(content)];
    return certificates.map(({ raw }) => encodePem('CERTIFICATE', raw)).join('');
  } catch (error) {
    if (error instanceof KeysteadError) throw new CommandFailed(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Writes it to where the resource says. Answers the generation from which on the resource has it; undefined for a ConfigMap. */
async function send(client: KubeClient, { metadata, spec }: VaultCertificateResource, pem: string, force: boolean): Promise<number | undefined> {
  const { namespace = '', name, uid } = metadata;
  const reference = spec.external?.configMapRef;
  if (reference !== undefined) {
    await writeConfigMap(client, { namespace, name: reference.name }, reference.key ?? 'tls.crt', pem, spec.vaultRef.name);
    return undefined;
  }
  // Only the one field, so that everything else stays whose it is; with the uid, so that nothing is made that went meanwhile.
  const resource = typed<CustomObject<{ readonly external: { readonly signedCertificate: string } }>>(resources.vaultCertificates);
  try {
    const patch = { metadata: { namespace, name, uid }, spec: { external: { signedCertificate: pem } } };
    return (await client.apply(resource, patch, { fieldManager: FIELD_MANAGER, force })).metadata.generation;
  } catch (error) {
    if (!isConflict(error)) throw error;
    throw new CommandFailed(`Somebody else declares spec.external of this VaultCertificate: ${printable(error.message)} Put the certificate there, or give --force.`, { cause: error });
  }
}

async function writeConfigMap(client: KubeClient, at: { readonly namespace: string; readonly name: string }, key: string, pem: string, vault: string): Promise<void> {
  const metadata = { labels: { [labels.source]: vault } };
  const data = { [key]: pem };
  try {
    await client.mergePatch(resources.configMaps, at, { metadata, data });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.create(resources.configMaps, { metadata: { ...at, ...metadata }, data });
  }
}

interface Sent {
  readonly id: string;
  readonly before: VaultCertificateResource;
  readonly generation: number | undefined;
}

/** Waits until the operation has ended, or its answer was refused. @throws CommandFailed with the reason */
function outcome(client: KubeClient, at: { readonly namespace: string; readonly name: string }, { id, before, generation }: Sent, io: Io): Promise<VaultCertificateResource> {
  const said = signingOf(before);
  let last = said;
  return waitFor(
    async () => {
      const now = await client.get(kinds.vaultCertificates, at);
      const { pending, revision = 0, observedGeneration = 0 } = now.status ?? {};
      if (revision > (before.status?.revision ?? 0)) return now;
      last = signingOf(now);
      const looked = generation === undefined ? last !== said : observedGeneration >= generation;
      if (pending?.id === id && pending.state === 'inProgress' && !looked) return undefined;
      throw new CommandFailed(`The certificate was not taken. ${printable(last)}`);
    },
    () => `The operator has not taken the certificate within ${MERGED_WITHIN_MS / 1000} s. VaultCertificate ${at.namespace}/${at.name} says ${printable(last)}`,
    MERGED_WITHIN_MS,
    io,
  );
}

function signingOf({ status }: VaultCertificateResource): string {
  const condition = status?.conditions?.find(({ type }) => type === 'SigningNeeded') ?? status?.conditions?.find(({ type }) => type === 'Ready');
  return condition === undefined ? '' : `${condition.reason}: ${condition.message}`;
}
