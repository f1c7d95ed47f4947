import { kinds, type VaultCertificateResource } from '../controllers/resources.ts';
import { isSignedByIdentity } from '../crypto/identity.ts';
import { importPublicKey, publicKeyThumbprint } from '../crypto/keys.ts';
import { parseCsr, type ParsedCsr } from '../crypto/x509/csr.ts';
import { signedParts } from '../issuers/external/csr-state.ts';
import type { KubeClient } from '../kube/client.ts';
import { isForbidden, isNotFound } from '../kube/errors.ts';
import { resources } from '../kube/resource.ts';
import { IDENTITY_CONFIG_MAP, identityKeys } from '../operator/identity.ts';
import { readArguments, UsageError } from './args.ts';
import { clusterFlags, clusterOptions, printable, withCluster } from './cluster.ts';
import { CommandFailed, exitCode, type Io } from './io.ts';

const COMMAND = 'kubectl keystead csr';
const SYSTEM = 'keystead-system';

const usage = `Prints the CSR of a certificate that waits to be signed, once it is proven to be genuine.

Usage:
  kubectl keystead csr VAULTCERTIFICATE [flags]

The CSR goes to standard output, everything else to standard error. It must carry a signature of the installation's
identity key, or it is not printed: whoever could put a CSR of his own into a status would get it signed by your CA. The
fingerprint of that key is shown; compare it once by another way, and give it by --identity from then on.

Flags:
  --identity FINGERPRINT  only a CSR signed by this identity key (SHA-256, hex)
  --system-namespace NAME the namespace of Keystead itself; default: ${SYSTEM}
${clusterFlags}

Examples:
  kubectl keystead csr web -n team-a > web.csr
  kubectl keystead csr web --identity 4f0a...
`;

const options = { ...clusterOptions, identity: { type: 'string' }, 'system-namespace': { type: 'string', default: SYSTEM } } as const;

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments({ command: COMMAND, usage, options, positionals: { least: 1, most: 1 } }, args);
  const wanted = values.identity?.toLowerCase().replaceAll(':', '');
  if (wanted !== undefined && !/^[0-9a-f]{64}$/.test(wanted)) throw new UsageError('--identity must be a SHA-256 in hex, 64 digits.');
  return withCluster(values, io, async ({ client, namespace }) => {
    const name = positionals[0] ?? '';
    const pending = pendingCsr(await client.get(kinds.vaultCertificates, { namespace, name }));
    const publicKey = await identityKey(client, values['system-namespace']);
    const fingerprint = publicKeyThumbprint(importPublicKey(publicKey));
    if (wanted !== undefined && fingerprint !== wanted) {
      throw new CommandFailed(`The identity of this installation is ${fingerprint}, not ${wanted}. Sign nothing before you know why.`);
    }
    if (!isSignedByIdentity(publicKey, 'csr', signedParts({ namespace, name }, pending.csr), pending.signature)) {
      throw new CommandFailed(`The CSR of VaultCertificate ${namespace}/${name} does not carry a signature of this installation: it was put there by somebody else. Do not have it signed.`);
    }
    io.stderr.write(description(namespace, name, pending, fingerprint));
    io.stdout.write(pending.csr);
    return exitCode.ok;
  });
}

/** A CSR that waits. */
export interface PendingCsr {
  /** Of the operation. */
  readonly id: string;
  readonly csr: string;
  /** What it asks for; its own signature is verified. */
  readonly parsed: ParsedCsr;
  /** By the identity key; not verified. */
  readonly signature: string;
  readonly requestedAt: string;
}

/** @throws CommandFailed when none waits, KeysteadError InvalidCsr when it is none */
export function pendingCsr({ metadata: { namespace = '', name }, status }: VaultCertificateResource): PendingCsr {
  const { id = '', state, csr, csrSignature = '', requestedAt = '' } = status?.pending ?? {};
  if (state !== 'inProgress' || csr === undefined) {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    const says = ready === undefined ? 'The operator has not looked at it yet.' : `It says ${printable(`${ready.reason}: ${ready.message}`)}`;
    throw new CommandFailed(`No CSR of VaultCertificate ${namespace}/${name} waits to be signed. ${says}`);
  }
  return { id, csr, parsed: parseCsr(csr), signature: csrSignature, requestedAt };
}

async function identityKey(client: KubeClient, namespace: string): Promise<string> {
  const at = { namespace, name: IDENTITY_CONFIG_MAP };
  const configMap = await client.get(resources.configMaps, at).catch((error: unknown) => {
    if (!isNotFound(error) && !isForbidden(error)) throw error;
    throw new CommandFailed(`ConfigMap ${namespace}/${IDENTITY_CONFIG_MAP}, which holds the identity of the installation, is not there or not for you to read, so the CSR can not be verified. Is Keystead in another namespace (--system-namespace)?`, { cause: error });
  });
  return configMap.data?.[identityKeys.publicKey] ?? '';
}

function description(namespace: string, name: string, { parsed, requestedAt }: PendingCsr, fingerprint: string): string {
  const names = Object.values(parsed.sans).flat().map((one) => (typeof one === 'string' ? one : `${one.oid}=${one.utf8Value}`));
  const rows = [
    ['VaultCertificate', `${namespace}/${name}`],
    ['Requested', requestedAt],
    ['Subject', parsed.subject === '' ? '(none)' : parsed.subject],
    ['Names', names.length === 0 ? '(none)' : names.join(', ')],
    ['CA', parsed.isCA ? 'yes' : 'no'],
    ['Key (SHA-256)', parsed.publicKeyThumbprint],
    ['Signed by', `identity ${fingerprint}`],
  ];
  return rows.map(([label = '', value = '']) => `${label.padEnd(18)}${printable(value)}\n`).join('');
}
