import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { KeysteadError } from '../../api/error.ts';
import type { Clock } from '../../runtime/clock.ts';
import { call, type Peer } from './https-call.ts';
import { issueClient, type KeyAndCertificate } from './pki.ts';

/** Credentials as a kubeconfig holds them. */
export type Credentials = KeyAndCertificate | { readonly token: string };

/** One key in etcd, as the API server wrote it. */
export interface EtcdEntry {
  readonly key: string;
  readonly value: Buffer;
}

/** How to reach a throw-away control plane that runs, from the process that started it or from any other. */
export interface ControlPlaneAccess {
  readonly url: string;
  readonly caPem: string;
  /** The folder with all of its files; it goes when the control plane stops. */
  readonly directory: string;
  /** Path of a kubeconfig for an administrator (system:masters). */
  readonly adminKubeconfig: string;
  /** Path of the API server's audit log, one JSON event a line. */
  readonly auditLog: string;
  /** A kubeconfig with a token of this ServiceAccount, by TokenRequest, valid for an hour. The ServiceAccount must exist. */
  kubeconfigForServiceAccount(namespace: string, name: string): Promise<string>;
  /** A kubeconfig with a client certificate for this user and these groups. */
  kubeconfigForUser(user: string, groups?: readonly string[]): Promise<string>;
  /** All that etcd holds under a prefix (the API server's keys begin with /registry), with values as they lie there. */
  etcdRange(prefix: string): Promise<EtcdEntry[]>;
}

const endpoints = z.object({ url: z.string(), etcdUrl: z.string() });
const tokenRequest = z.object({ status: z.object({ token: z.string() }) });
const range = z.object({
  kvs: z.array(z.object({ key: z.base64(), value: z.base64().default('') })).default([]),
  more: z.boolean().default(false),
});

const TOKEN_SECONDS = 3600;
const PAGE = 500;

/** Opens a control plane by its folder; it need not have been started by this process. */
export function openControlPlane(directory: string, clock: Clock): ControlPlaneAccess {
  const at = (file: string): string => join(directory, file);
  const read = (file: string): string => readFileSync(at(file), 'utf8');
  const pair = (name: string): KeyAndCertificate => ({ certificatePem: read(`${name}.crt`), keyPem: read(`${name}.key`) });
  const { url, etcdUrl } = endpoints.parse(JSON.parse(read('endpoints.json')));
  const caPem = read('ca.crt');
  const api: Peer = { url, caPem, client: pair('admin') };
  const etcd: Peer = { url: etcdUrl, caPem: read('etcd-ca.crt'), client: pair('etcd-client') };
  return {
    url,
    caPem,
    directory,
    adminKubeconfig: at('admin.kubeconfig'),
    auditLog: at('audit.log'),
    async kubeconfigForServiceAccount(namespace, name) {
      return kubeconfig(url, caPem, name, { token: await requestToken(api, namespace, name) }, namespace);
    },
    async kubeconfigForUser(user, groups = []) {
      const issued = await issueClient(pair('ca'), { commonName: user, organizations: groups }, clock);
      return kubeconfig(url, caPem, user, issued);
    },
    etcdRange: (prefix) => readRange(etcd, prefix),
  };
}

/** A kubeconfig with one cluster, one user and one context. It holds credentials: write it only to files of mode 0600. */
export function kubeconfig(url: string, caPem: string, user: string, credentials: Credentials, namespace = 'default'): string {
  const identity =
    'token' in credentials
      ? { token: credentials.token }
      : { 'client-certificate-data': base64(credentials.certificatePem), 'client-key-data': base64(credentials.keyPem) };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'keystead', cluster: { server: url, 'certificate-authority-data': base64(caPem) } }],
    users: [{ name: user, user: identity }],
    contexts: [{ name: 'keystead', context: { cluster: 'keystead', user, namespace } }],
    'current-context': 'keystead',
  });
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function requestToken(api: Peer, namespace: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}/token`;
  const answer = await call(api, path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: TOKEN_SECONDS },
  });
  if (answer.status !== 201) {
    // Safe to show: only a success holds the token.
    throw new KeysteadError('ControlPlaneFailed', `No token for ServiceAccount ${namespace}/${name}: ${answer.status} ${answer.text}`, 'retry');
  }
  return tokenRequest.parse(JSON.parse(answer.text)).status.token;
}

/** etcd's gRPC gateway (etcd docs, "gRPC gateway"): keys and values are base64, a range ends before `range_end`. */
async function readRange(etcd: Peer, prefix: string): Promise<EtcdEntry[]> {
  const end = afterPrefix(Buffer.from(prefix));
  const entries: EtcdEntry[] = [];
  let from: Buffer = Buffer.from(prefix);
  for (;;) {
    const answer = await call(etcd, '/v3/kv/range', { key: from.toString('base64'), range_end: end.toString('base64'), limit: PAGE });
    if (answer.status !== 200) {
      throw new KeysteadError('ControlPlaneFailed', `etcd answers ${answer.status} to a range request: ${answer.text}`, 'retry');
    }
    const { kvs, more } = range.parse(JSON.parse(answer.text));
    entries.push(...kvs.map(({ key, value }) => ({ key: Buffer.from(key, 'base64').toString(), value: Buffer.from(value, 'base64') })));
    const last = kvs.at(-1);
    if (!more || last === undefined) {
      return entries;
    }
    // The least key after the last one.
    from = Buffer.concat([Buffer.from(last.key, 'base64'), Buffer.from([0])]);
  }
}

/** The least key that does not start with `prefix`. API server keys are ASCII, so the last byte is never 0xff. */
function afterPrefix(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}
