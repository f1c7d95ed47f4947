import { kinds } from '../controllers/resources.ts';
import { RENEW_ANNOTATION } from '../controllers/vault-certificate/gather.ts';
import { readArguments } from './args.ts';
import { clusterFlags, clusterOptions, printable, waitFor, withCluster } from './cluster.ts';
import { exitCode, type Io } from './io.ts';

const COMMAND = 'kubectl keystead renew';

const usage = `Renews a certificate now.

Usage:
  kubectl keystead renew VAULTCERTIFICATE [flags]

It sets the annotation keystead.dev/renew, which asks for one renewal, and waits for it. The limit on issues an hour holds
for it too.

Flags:
${clusterFlags}

Examples:
  kubectl keystead renew web -n team-a
`;

const RENEWED_WITHIN_MS = 30_000;

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments({ command: COMMAND, usage, options: clusterOptions, positionals: { least: 1, most: 1 } }, args);
  const name = positionals[0] ?? '';
  return withCluster(values, io, async ({ client, namespace }) => {
    const at = { namespace, name };
    const before = (await client.get(kinds.vaultCertificates, at)).status?.revision ?? 0;
    const asked = `${io.clock.now().toISOString()}-${io.random.bytes(4).toString('hex')}`;
    await client.mergePatch(kinds.vaultCertificates, at, { metadata: { annotations: { [RENEW_ANNOTATION]: asked } } });
    let last = 'nothing yet';
    const status = await waitFor(
      async () => {
        const { status: now } = await client.get(kinds.vaultCertificates, at);
        const ready = now?.conditions?.find(({ type }) => type === 'Ready');
        if (ready !== undefined) last = `${ready.reason}: ${ready.message}`;
        return (now?.revision ?? 0) > before ? now : undefined;
      },
      () => `VaultCertificate ${namespace}/${name} is not renewed after ${RENEWED_WITHIN_MS / 1000} s. It says ${printable(last)}`,
      RENEWED_WITHIN_MS,
      io,
    );
    io.stdout.write(`VaultCertificate ${namespace}/${name} is renewed: serial ${printable(status.serialNumber ?? '')}, valid until ${status.notAfter ?? ''}\n`);
    return exitCode.ok;
  });
}
