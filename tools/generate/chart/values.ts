import { z } from 'zod';
import { deniedDomains } from '../../../src/api/target.ts';

/**
 * The chart's values: the one source of values.yaml, values.schema.json and the table in its README. Objects are strict,
 * so that a misspelt key is refused and not passed over; texts that get into templates are held to safe characters.
 */

const dnsLabel = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const domain = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/).max(253);
const labelValue = z.string().max(63);
const cidr = z.string().regex(/^[0-9a-fA-F:.]+\/[0-9]{1,3}$/);
const duration = z.string().regex(/^([0-9]+(ms|s|m|h))+$/);
/** Only what the heap of Node can be computed from. */
const memory = z.string().regex(/^[1-9][0-9]*(Mi|Gi)$/);
const cpu = z.string().regex(/^[0-9]+(\.[0-9]+|m)?$/);
/** Part of another API; Kubernetes itself checks it. */
const foreign = z.record(z.string(), z.unknown());
const strings = z.record(z.string(), labelValue);

const toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal', 'Lt', 'Gt']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().optional(),
});

const image = z.strictObject({
  repository: z.string().min(1).regex(/^[a-z0-9]([-a-z0-9._/:]*[a-z0-9])?$/).default('keystead')
    .describe('Where the image is. There is no published one yet: make image, push it to your registry, and name it here.'),
  tag: z.string().max(128).regex(/^([A-Za-z0-9_][A-Za-z0-9._-]*)?$/).default('').describe('Default: the version of the chart.'),
  digest: z.string().regex(/^(sha256:[0-9a-f]{64})?$/).default('').describe('Instead of the tag; what was checked is then what runs.'),
  pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  pullSecrets: z.array(z.strictObject({ name: z.string().min(1) })).default([]).describe('Secrets of the registry, such as [{name: registry}].'),
});

const crds = z.strictObject({
  enabled: z.boolean().default(true).describe('Install and upgrade the CustomResourceDefinitions with the chart.'),
  keep: z.boolean().default(true).describe('Leave them on helm uninstall. Without them every Vault, VaultSecret and so on is gone.'),
});

const guards = z.strictObject({
  keep: z.boolean().default(true)
    .describe('Leave the guards on helm uninstall: records, root key and namespace stay protected, and nobody grants himself anything before the next installation. They can not be left out.'),
});

const rbac = z.strictObject({
  namespaces: z.array(dnsLabel).default([])
    .describe('The namespaces that the operator serves. Empty: all, which includes that it may read every Secret of the cluster, since RBAC can not select by label.'),
  restart: z.boolean().default(false).describe('Let the operator restart workloads that ask for it by annotation. Not with rbac.namespaces.'),
  aggregateRoles: z.boolean().default(true).describe('Make the reading roles part of the built-in role view, and keystead-vault-contributor part of admin.'),
});

const targets = z.strictObject({
  deniedDomains: z.array(domain).min(1).default([...deniedDomains])
    .describe('Domains of labels and annotations that no synced Secret gets, besides keystead.dev, kubernetes.io and k8s.io.'),
});

const operator = z.strictObject({
  replicas: z.int().min(1).max(5).default(2).describe('One works, the others wait for its lease.'),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  resources: z.strictObject({
    requests: z.strictObject({ cpu: cpu.default('100m'), memory: memory.default('192Mi') }).prefault({}),
    limits: z.strictObject({
      cpu: cpu.optional().describe('None by default: a limit would slow down renewals for nothing.'),
      memory: memory.default('512Mi').describe('Three quarters of it become the heap of Node.'),
    }).prefault({}),
  }).prefault({}),
  priorityClassName: z.string().default('').describe('A PriorityClass, for clusters where workloads wait for their certificates.'),
  nodeSelector: strings.default({}),
  tolerations: z.array(toleration).default([]),
  affinity: foreign.default({}).describe('As in a pod. Replicas are spread over nodes and zones in any case.'),
  podLabels: strings.default({}),
  podAnnotations: z.record(z.string(), z.string()).default({}),
});

const audit = z.strictObject({
  sinks: z.array(z.enum(['stdout', 'file'])).min(1).default(['stdout'])
    .describe('Where audit records go. Nothing is read or changed that no sink has taken, so there is always one.'),
  file: z.strictObject({
    // Not the emptyDir itself: Helm merges maps, and a volume of two sources is none.
    volume: foreign.default({})
      .describe('The volume of the sink `file`, as in a pod. Empty: an emptyDir of 1 GiB, which lives as long as the pod; take a claim that outlives it, or collect stdout.'),
    sync: z.boolean().default(false).describe('Wait until the disk has each record, so that it outlives the node.'),
  }).prefault({}),
});

const monitor = (kind: string) =>
  z.strictObject({
    enabled: z.boolean().default(false).describe(`Install a ${kind}; needs the Prometheus operator.`),
    interval: duration.default('30s'),
    labels: strings.default({}).describe('What your Prometheus selects by.'),
  });

const metrics = z.strictObject({
  serviceMonitor: monitor('ServiceMonitor').prefault({}),
  podMonitor: monitor('PodMonitor').prefault({}),
});

const networkPolicy = z.strictObject({
  enabled: z.boolean().default(true).describe('Let in only probes and scrapes, and out only to DNS and the API server.'),
  metricsFrom: z.array(foreign).default([]).describe('Who may scrape, as peers of a NetworkPolicy. Empty: every pod of the cluster.'),
  apiServerCIDRs: z.array(cidr).default([]).describe('Where the API server is. Empty: ports 443 and 6443 anywhere.'),
});

const flowControl = z.strictObject({
  enabled: z.boolean().default(true).describe('Give Keystead a share of the API server of its own, so that its load does no harm to others, nor theirs to it.'),
  concurrencyShares: z.int().min(1).max(1000).default(20).describe('Its size; the built-in ones have 10 to 100.'),
});

export const chartValues = z.strictObject({
  image: image.prefault({}),
  crds: crds.prefault({}),
  guards: guards.prefault({}),
  rbac: rbac.prefault({}),
  targets: targets.prefault({}),
  operator: operator.prefault({}),
  audit: audit.prefault({}),
  metrics: metrics.prefault({}),
  podDisruptionBudget: z.strictObject({ enabled: z.boolean().default(true).describe('Keep one replica while nodes are drained. Without effect with one replica.') }).prefault({}),
  networkPolicy: networkPolicy.prefault({}),
  flowControl: flowControl.prefault({}),
  global: foreign.optional().describe('What a chart that contains this one shares with it; nothing of it is read.'),
});

export type ChartValues = z.input<typeof chartValues>;
