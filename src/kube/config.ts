import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { isIPv6 } from 'node:net';
import { parse } from 'yaml';
import type { Clock } from '../runtime/clock.ts';

/** How to reach one API server, and as whom. */
export interface ClusterConfig {
  /** https, without a path. */
  readonly server: string;
  /** PEM; undefined: the system's own trust store. */
  readonly ca: string | undefined;
  readonly clientCertificate: { readonly cert: string; readonly key: string } | undefined;
  readonly token: TokenSource | undefined;
  /** Act as somebody else, who must be allowed to be impersonated. */
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[] } | undefined;
  /** The namespace that the configuration names, or `default`. */
  readonly namespace: string;
}

/** A bearer token that may change while the process runs. */
export interface TokenSource {
  /** The current token; at most a minute old. */
  current(): Promise<string>;
  /** The token was refused: read it anew next time. */
  refused(): void;
}

const TOKEN_LIFETIME_MS = 60_000;
const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A token in a file that somebody (the kubelet) replaces now and then. */
export class TokenFile implements TokenSource {
  readonly #path: string;
  readonly #clock: Clock;
  #read: { readonly token: string; readonly at: number } | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  async current(): Promise<string> {
    if (this.#read === undefined || this.#clock.monotonic() - this.#read.at >= TOKEN_LIFETIME_MS) {
      this.#read = { token: (await readFile(this.#path, 'utf8')).trim(), at: this.#clock.monotonic() };
    }
    return this.#read.token;
  }

  refused(): void {
    this.#read = undefined;
  }
}

/** A token that stands in the kubeconfig itself: there is nothing to read anew. */
function fixedToken(token: string): TokenSource {
  return { current: () => Promise.resolve(token), refused: () => undefined };
}

/**
 * What the kubelet gives to a pod. `host` and `port` are KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT.
 * @throws if the files are not there, as outside of a pod.
 */
export async function inClusterConfig(host: string, port: string, clock: Clock, folder: string = SERVICE_ACCOUNT_FOLDER): Promise<ClusterConfig> {
  const [ca, namespace] = await Promise.all([readFile(join(folder, 'ca.crt'), 'utf8'), readFile(join(folder, 'namespace'), 'utf8')]);
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    ca,
    clientCertificate: undefined,
    token: new TokenFile(join(folder, 'token'), clock),
    namespace: namespace.trim(),
  };
}

/** The parts of a kubeconfig that are read; see the `Config` of client-go's clientcmd/api/v1. */
interface Kubeconfig {
  readonly 'current-context'?: string;
  readonly contexts?: ReadonlyArray<{ readonly name: string; readonly context: { readonly cluster: string; readonly user: string; readonly namespace?: string } }>;
  readonly clusters?: ReadonlyArray<{ readonly name: string; readonly cluster: Readonly<Record<string, unknown>> }>;
  readonly users?: ReadonlyArray<{ readonly name: string; readonly user: Readonly<Record<string, unknown>> | null }>;
}

/** What a kubeconfig may ask for and we do not do: each would be a silent change of identity or of trust. */
const UNSUPPORTED = ['exec', 'auth-provider', 'username', 'as-uid', 'as-user-extra'] as const;

/**
 * Reads a plain kubeconfig: client certificate, token or tokenFile, CA. The operator and the server use it instead of
 * @kubernetes/client-node, which costs 58 MiB (decisions 25).
 * @throws Error with what to change, if it asks for more, or names what is not there.
 */
export async function kubeconfigFile(path: string, clock: Clock, contextName?: string): Promise<ClusterConfig> {
  return kubeconfig(await readFile(path, 'utf8'), dirname(path), clock, contextName);
}

/** The same for text; relative file names in it are relative to `folder`. */
export async function kubeconfig(text: string, folder: string, clock: Clock, contextName?: string): Promise<ClusterConfig> {
  const document: Kubeconfig | null = parse(text);
  const wanted = contextName ?? document?.['current-context'];
  const context = document?.contexts?.find((entry) => entry.name === wanted)?.context;
  if (context === undefined) {
    throw new Error(`The kubeconfig has no context "${wanted ?? ''}"; set current-context or name another one.`);
  }
  const cluster = document?.clusters?.find((entry) => entry.name === context.cluster)?.cluster;
  const user = document?.users?.find((entry) => entry.name === context.user)?.user ?? {};
  if (cluster === undefined || typeof cluster['server'] !== 'string') {
    throw new Error(`The kubeconfig has no cluster "${context.cluster}" with a server.`);
  }
  refuseUnsupported(cluster, user);
  return {
    server: cluster['server'].replace(/\/+$/, ''),
    ca: await material(cluster, 'certificate-authority', folder),
    clientCertificate: await clientCertificate(user, folder),
    token: tokenOf(user, folder, clock),
    impersonate: impersonation(user),
    namespace: context.namespace ?? 'default',
  };
}

/** @throws Error that says what to use instead. */
function refuseUnsupported(cluster: Readonly<Record<string, unknown>>, user: Readonly<Record<string, unknown>>): void {
  const found = UNSUPPORTED.find((field) => user[field] !== undefined);
  if (found !== undefined) {
    throw new Error(
      `The kubeconfig's user has "${found}", which operator and server do not support: give them a client certificate, token or tokenFile. ` +
        'The command line tool supports every kind of kubeconfig.',
    );
  }
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw new Error('The kubeconfig skips the check of the server certificate; give certificate-authority-data instead.');
  }
}

/** The value of `field-data` (base64) or the content of the file `field`. */
async function material(from: Readonly<Record<string, unknown>>, field: string, folder: string): Promise<string | undefined> {
  const data = from[`${field}-data`];
  const file = from[field];
  if (typeof data === 'string' && data !== '') {
    return Buffer.from(data, 'base64').toString('utf8');
  }
  return typeof file === 'string' && file !== '' ? readFile(inFolder(file, folder), 'utf8') : undefined;
}

async function clientCertificate(user: Readonly<Record<string, unknown>>, folder: string): Promise<ClusterConfig['clientCertificate']> {
  const [cert, key] = await Promise.all([material(user, 'client-certificate', folder), material(user, 'client-key', folder)]);
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

/** tokenFile wins over token, as in client-go. */
function tokenOf(user: Readonly<Record<string, unknown>>, folder: string, clock: Clock): TokenSource | undefined {
  const { token, tokenFile } = user;
  if (typeof tokenFile === 'string' && tokenFile !== '') {
    return new TokenFile(inFolder(tokenFile, folder), clock);
  }
  return typeof token === 'string' && token !== '' ? fixedToken(token) : undefined;
}

/** Whom to act as, for tests of what others may do. */
function impersonation(user: Readonly<Record<string, unknown>>): ClusterConfig['impersonate'] {
  const groups = user['as-groups'];
  if (typeof user['as'] !== 'string' || user['as'] === '') {
    return undefined;
  }
  return { user: user['as'], groups: Array.isArray(groups) ? groups.map(String) : [] };
}

function inFolder(file: string, folder: string): string {
  return isAbsolute(file) ? file : join(folder, file);
}
