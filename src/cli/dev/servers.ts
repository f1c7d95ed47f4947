import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** Where a throw-away control plane listens and keeps its files. */
export interface Layout {
  readonly directory: string;
  readonly apiPort: number;
  readonly etcdPort: number;
}

/** `metadata`: who did what to which object, never a body, for bodies hold Secrets. `off`: for measuring. */
export type AuditLevel = 'metadata' | 'off';

/** The first address of the Service range: the `kubernetes` Service. */
export const SERVICE_ADDRESS = '10.96.0.1';
const SERVICE_RANGE = '10.96.0.0/16';

/**
 * Only what a namespace needs to live and die, and what the chart relies on. Nothing here runs pods.
 */
const CONTROLLERS = [
  'namespace-controller',
  'garbage-collector-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'root-ca-certificate-publisher-controller',
  'clusterrole-aggregation-controller',
  'validatingadmissionpolicy-status-controller',
];

export function etcdArguments(layout: Layout): string[] {
  const url = `https://127.0.0.1:${layout.etcdPort}`;
  const at = (file: string): string => join(layout.directory, file);
  return [
    `--data-dir=${at('etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    // Alone, etcd never talks to peers: any free port will do.
    '--listen-peer-urls=http://127.0.0.1:0',
    // As kubeadm sets it: without it the API server has no bookmarks for kinds that do not change.
    '--watch-progress-notify-interval=5s',
    // Everything in a cluster lies open in its etcd, so other users of this machine may not ask it.
    '--client-cert-auth',
    `--trusted-ca-file=${at('etcd-ca.crt')}`,
    `--cert-file=${at('etcd.crt')}`,
    `--key-file=${at('etcd.key')}`,
    // Its HTTP gateway is a client of its own gRPC port.
    `--client-cert-file=${at('etcd-client.crt')}`,
    `--client-key-file=${at('etcd-client.key')}`,
    // Throw-away data: a lost write after a power cut hurts nobody.
    '--unsafe-no-fsync',
    `--quota-backend-bytes=${8 * 2 ** 30}`,
    '--log-level=warn',
  ];
}

export function apiServerArguments(layout: Layout, audit: AuditLevel): string[] {
  const at = (file: string): string => join(layout.directory, file);
  return [
    `--etcd-servers=https://127.0.0.1:${layout.etcdPort}`,
    `--etcd-cafile=${at('etcd-ca.crt')}`,
    `--etcd-certfile=${at('etcd-client.crt')}`,
    `--etcd-keyfile=${at('etcd-client.key')}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${layout.apiPort}`,
    // The API server refuses to publish a loopback address as the endpoint of the `kubernetes` Service.
    '--endpoint-reconciler-type=none',
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    `--tls-cert-file=${at('api.crt')}`,
    `--tls-private-key-file=${at('api.key')}`,
    `--client-ca-file=${at('ca.crt')}`,
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${at('tokens.pub')}`,
    `--service-account-signing-key-file=${at('tokens.key')}`,
    '--profiling=false',
    ...(audit === 'metadata' ? auditArguments(layout) : []),
  ];
}

function auditArguments(layout: Layout): string[] {
  const policy = join(layout.directory, 'audit-policy.yaml');
  writeFileSync(
    policy,
    stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [{ level: 'Metadata' }] }),
  );
  return [
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${join(layout.directory, 'audit.log')}`,
    // In megabytes. One file: a reader that follows it must not lose lines to rotation.
    '--audit-log-maxsize=100000',
  ];
}

export function controllerManagerArguments(layout: Layout): string[] {
  const at = (file: string): string => join(layout.directory, file);
  return [
    `--kubeconfig=${at('controller-manager.kubeconfig')}`,
    `--controllers=${CONTROLLERS.join(',')}`,
    '--use-service-account-credentials',
    `--service-account-private-key-file=${at('tokens.key')}`,
    `--root-ca-file=${at('ca.crt')}`,
    '--leader-elect=false',
    // Serves nothing.
    '--secure-port=0',
    // The defaults (20 a second) make tests wait for namespaces that are going away.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ];
}
