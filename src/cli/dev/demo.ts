import { X509Certificate } from 'node:crypto';
import type { KubeClient } from '../../kube/client.ts';
import { resources, typed } from '../../kube/resource.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Manifest } from '../../operator/manifest.ts';
import { defaultInstallation } from '../../operator/manifests.ts';
import { CommandFailed, type Io } from '../io.ts';
import { applyAll, resourceOf } from './install.ts';
import { Look, type Where } from './look.ts';
import { opensslVerify } from './openssl.ts';
import { readManifests } from './samples.ts';
import type { Steps } from './steps.ts';

/*
 * What Keystead does, shown on config/samples. Every line that gets a tick was looked at in the cluster, from outside,
 * as the user would; nothing here asks the operator.
 */

export interface DemoParts {
  /** Of an administrator. */
  readonly admin: KubeClient;
  readonly steps: Steps;
  readonly io: Io;
  /** The folder of the samples. */
  readonly samples: string;
  /** For files that others need to read. */
  readonly directory: string;
}

interface Demo extends DemoParts {
  readonly manifests: readonly Manifest[];
  readonly look: Look;
}

/** In CI too, where it decides about success. */
const FIELD_MANAGER = 'keystead-demo';
const TEAM = 'team-a';
/** A minute's certificate is renewed at half of it, somewhat spread. */
const RENEWED_WITHIN_MS = 75_000;

/** Runs all steps. @throws CommandFailed at the first that does not come true */
export async function demonstrate(parts: DemoParts): Promise<void> {
  const demo: Demo = { ...parts, manifests: readManifests(parts.samples), look: new Look(parts.admin, parts.io) };
  parts.steps.heading('A vault, what is in it, and where it is needed');
  await applySamples(demo);
  await showSecret(demo);
  await showCertificate(demo);
  await allReady(demo);
  parts.steps.heading('A mistake, and no harm done');
  await deleteAndRecover(demo);
  parts.steps.heading('Renewal, before anybody has to think of it');
  await watchRenewal(demo);
}

async function applySamples({ steps, admin, manifests, io, look }: Demo): Promise<void> {
  await steps.step('kubectl apply -f config/samples', async () => {
    await applyAll(admin, manifests, FIELD_MANAGER, io.clock, io.stop);
    return { done: `kubectl apply -f config/samples: ${manifests.length} objects` };
  });
  await steps.step('Vault team-a/app', async () => {
    await look.ready(team('vaults', 'app'));
    return { done: 'Vault team-a/app is Ready: it has a key of its own' };
  });
}

async function showSecret({ steps, look, admin, io }: Demo): Promise<void> {
  const { password } = await steps.step('Secret team-a/database', async () => {
    await look.ready(team('vaultSecrets', 'database'));
    const made = await password40(look);
    return { done: `Secret team-a/database: a password of ${made.length} characters that nobody had to see`, password: made };
  });
  await steps.step("Looking for it in the vault's records", async () => {
    const { items } = await admin.list(resources.secrets, { namespace: defaultInstallation.namespace, signal: io.stop });
    const records = items.filter(({ type }) => type === 'keystead.dev/record');
    const inClear = records.some(({ data }) => Object.values(data ?? {}).some((value) => Buffer.from(value, 'base64').includes(password)));
    if (records.length === 0 || inClear) throw new CommandFailed('The password lies in the clear in a record.');
    return { done: `The vault's ${records.length} records hold it only encrypted` };
  });
}

async function password40(look: Look): Promise<string> {
  return look.until(
    async () => (await look.secret(TEAM, 'database'))?.data['password'],
    () => 'Secret team-a/database with a password',
  );
}

async function showCertificate({ steps, look, directory, io }: Demo): Promise<void> {
  await steps.step('VaultIssuer team-ca', async () => {
    const issuer = await look.ready<{ subject?: string }>(team('vaultIssuers', 'team-ca'));
    return { done: `VaultIssuer team-ca signs as ${issuer.status?.subject ?? 'a CA'}, with a key in the vault` };
  });
  const { chain } = await steps.step('Secret team-a/web-tls', async () => {
    await look.ready(team('vaultCertificates', 'web'));
    const secret = await look.secret(TEAM, 'web-tls');
    const { 'tls.crt': certificates, 'tls.key': key, 'ca.crt': roots } = secret?.data ?? {};
    if (secret?.type !== 'kubernetes.io/tls' || certificates === undefined || key === undefined || roots === undefined) {
      throw new CommandFailed('Secret team-a/web-tls is not of type kubernetes.io/tls with tls.crt, tls.key and ca.crt.');
    }
    return { done: 'Secret team-a/web-tls: certificate, key and CA for web.team-a.example.com', chain: { certificates, roots } };
  });
  await steps.step('openssl verify', async () => {
    const said = await opensslVerify(chain, directory, io.environment);
    return { done: `openssl verify -CAfile ca.crt tls.crt: ${said.replace('tls.crt: ', '')}` };
  });
}

async function allReady({ steps, look, manifests }: Demo): Promise<void> {
  await steps.step('All samples', async () => {
    const ours = manifests.filter(({ apiVersion }) => apiVersion.startsWith('keystead.dev/'));
    for (const manifest of ours) {
      const { name, namespace = '' } = manifest.metadata;
      await look.ready({ resource: resourceOf(manifest), namespace, name });
    }
    return { done: `All ${ours.length} resources are Ready, the token for team-b with the consent of both` };
  });
}

async function deleteAndRecover({ steps, look, admin, manifests, io }: Demo): Promise<void> {
  const before = await password40(look);
  const at = team('vaultSecrets', 'database');
  await steps.step('Deleting VaultSecret database', async () => {
    await admin.delete(at.resource, at, { signal: io.stop });
    await look.until(
      async () => ((await look.secret(TEAM, 'database')) === undefined ? true : undefined),
      () => 'Secret team-a/database gone',
    );
    return { done: 'VaultSecret database deleted, its Secret is gone; the vault keeps the value' };
  });
  await steps.step('Applying it again with adopt: true', async () => {
    const manifest = manifests.find(({ kind, metadata }) => kind === 'VaultSecret' && metadata.name === 'database');
    const spec: unknown = Reflect.get(Object(manifest), 'spec');
    if (manifest === undefined) throw new CommandFailed('The samples have no VaultSecret database.');
    const adopting = { ...manifest, spec: { ...Object(spec), adopt: true } };
    await admin.apply(typed<KubeObject>(at.resource), adopting, { fieldManager: FIELD_MANAGER, force: true, signal: io.stop });
    await look.ready(at);
    if ((await password40(look)) !== before) throw new CommandFailed('Secret team-a/database has another password than before.');
    return { done: 'Applied again with adopt: true: the same password is in its Secret again' };
  });
}

interface CertificateStatus {
  readonly revision?: number;
  readonly serialNumber?: string;
  readonly renewalTime?: string;
}

async function watchRenewal({ steps, look, io, directory }: Demo): Promise<void> {
  const at = team('vaultCertificates', 'short-lived');
  await steps.step('Certificate short-lived', async (tell) => {
    const first = (await look.ready<CertificateStatus>(at)).status;
    const renewed = await look.until(
      async () => {
        const status = (await look.find<CertificateStatus>(at))?.status;
        const left = Date.parse(status?.renewalTime ?? '') - io.clock.now().getTime();
        tell(`Certificate short-lived, serial ${shortened(status?.serialNumber)}, is renewed in ${Math.max(0, Math.ceil(left / 1000))} s`);
        return (status?.revision ?? 0) > (first?.revision ?? 0) ? status : undefined;
      },
      () => 'VaultCertificate team-a/short-lived renewed',
      RENEWED_WITHIN_MS,
    );
    const { 'tls.crt': certificates = '', 'ca.crt': roots = '' } = (await look.secret(TEAM, 'short-lived-tls'))?.data ?? {};
    await opensslVerify({ certificates, roots }, directory, io.environment);
    const serial = new X509Certificate(certificates).serialNumber.toLowerCase();
    if (serial !== renewed.serialNumber?.toLowerCase()) throw new CommandFailed(`Secret team-a/short-lived-tls has certificate ${serial} and not the renewed one.`);
    return { done: `Certificate short-lived renewed in its Secret: ${shortened(first?.serialNumber)} is now ${shortened(serial)}` };
  });
}

function team(kind: 'vaults' | 'vaultSecrets' | 'vaultCertificates' | 'vaultIssuers', name: string): Where {
  return { resource: resources[kind], namespace: TEAM, name };
}

function shortened(serial: string | undefined): string {
  return serial === undefined ? '?' : `${serial.slice(0, 8)}…`;
}
