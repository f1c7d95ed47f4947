import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { KubeConfig, type Cluster, type User } from '@kubernetes/client-node';
import type { ClusterConfig, TokenSource } from '../kube/config.ts';
import { UsageError } from './args.ts';

/*
 * Kubeconfigs of people: merged files, exec plugins, credentials of every kind, read by @kubernetes/client-node. The only
 * module that loads it, for it takes 58 MiB and a second: never imported by the operator (decisions 25).
 */

export interface KubeconfigChoice {
  /** Default: KUBECONFIG, else ~/.kube/config, as kubectl does. */
  readonly path: string | undefined;
  /** Default: the current context. */
  readonly context: string | undefined;
}

/** The cluster of a kubeconfig, and who one is there. @throws UsageError with what to change */
export async function clusterOf(choice: KubeconfigChoice): Promise<ClusterConfig> {
  const config = loaded(choice);
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  const context = config.getContextObject(config.getCurrentContext());
  if (cluster === null || context === null) throw new UsageError(`The kubeconfig has no context "${config.getCurrentContext()}" with a cluster. Name another one by --context.`);
  refuseUnsupported(cluster, user);
  const credentials = await credentialsOf(config);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    ca: material(cluster.caFile, cluster.caData),
    clientCertificate: credentials.clientCertificate,
    token: credentials.token,
    impersonate: user?.impersonateUser === undefined ? undefined : { user: user.impersonateUser, groups: [] },
    namespace: context.namespace ?? 'default',
  };
}

function loaded({ path, context }: KubeconfigChoice): KubeConfig {
  const config = new KubeConfig();
  try {
    if (path === undefined) config.loadFromDefault();
    else config.loadFromFile(path);
  } catch (error) {
    // The parser's own words could quote a token.
    throw new UsageError(`The kubeconfig${path === undefined ? '' : ` ${path}`} cannot be read. Name a file by --kubeconfig.`, { cause: error });
  }
  if (context !== undefined) config.setCurrentContext(context);
  return config;
}

/** Each of these would be another connection than the one that the kubeconfig asks for, so it is not made at all. */
function refuseUnsupported(cluster: Cluster, user: User | null): void {
  const unsupported = [
    cluster.skipTLSVerify && 'insecure-skip-tls-verify: give certificate-authority-data instead',
    cluster.proxyUrl !== undefined && 'proxy-url',
    cluster.tlsServerName !== undefined && 'tls-server-name',
    user?.username !== undefined && 'username and password',
    new URL(cluster.server).pathname.replaceAll('/', '') !== '' && 'a server with a path',
    !cluster.server.startsWith('https:') && 'a server without TLS',
  ].find((found) => found !== false);
  if (unsupported !== undefined) throw new UsageError(`The kubeconfig has what Keystead does not support: ${unsupported}. Use another context.`);
}

/** Asks client-node for what it would send: that runs exec plugins, which answer a token or a client certificate. */
async function answered(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return options;
}

async function credentialsOf(config: KubeConfig): Promise<Pick<ClusterConfig, 'clientCertificate' | 'token'>> {
  const { headers, cert, key } = await answered(config);
  const [certPem, keyPem] = [pem(cert), pem(key)];
  const clientCertificate = certPem === undefined || keyPem === undefined ? undefined : { cert: certPem, key: keyPem };
  return { clientCertificate, token: bearer(headers) === undefined ? undefined : new AskedToken(config) };
}

/** client-node keeps what a plugin answered until it ends, so asking each time is cheap and never stale. */
class AskedToken implements TokenSource {
  readonly #config: KubeConfig;

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  async current(): Promise<string> {
    return bearer((await answered(this.#config)).headers) ?? '';
  }

  refused(): void {
    // Nothing is kept here.
  }
}

function pem(value: RequestOptions['cert'] | RequestOptions['key']): string | undefined {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value.toString() : undefined;
}

function bearer(headers: RequestOptions['headers']): string | undefined {
  const value = headers === undefined || Array.isArray(headers) ? undefined : Object(headers)['Authorization'];
  return typeof value === 'string' ? /^Bearer (.+)$/.exec(value)?.[1] : undefined;
}

function material(file: string | undefined, data: string | undefined): string | undefined {
  if (file !== undefined) return readFileSync(file, 'utf8');
  return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
}
