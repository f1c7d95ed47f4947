import type { ChartValues } from './values.ts';

/** Installations that differ as much as they may; their renders are kept in test/unit/chart/golden. */
export const valueSets: Readonly<Record<string, ChartValues>> = {
  // As little as an installation can be.
  bare: {
    crds: { enabled: false },
    guards: { keep: false },
    rbac: { aggregateRoles: false },
    operator: { replicas: 1 },
    networkPolicy: { enabled: false },
    flowControl: { enabled: false },
  },
  namespaces: { rbac: { namespaces: ['team-a', '123'] } },
  restart: { rbac: { restart: true }, targets: { deniedDomains: ['mesh.example.com', 'backup.example.com'] } },
  'audit-file': {
    audit: { sinks: ['stdout', 'file'], file: { volume: { persistentVolumeClaim: { claimName: 'audit' } }, sync: true } },
    operator: { resources: { limits: { memory: '1Gi', cpu: '2' } } },
  },
  placed: {
    image: {
      repository: 'registry.example.com/security/keystead',
      digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
      pullSecrets: [{ name: 'registry' }],
    },
    operator: {
      priorityClassName: 'platform',
      nodeSelector: { 'node-role.kubernetes.io/infra': '' },
      tolerations: [{ key: 'infra', operator: 'Exists', effect: 'NoSchedule' }],
      podLabels: { team: 'platform' },
      podAnnotations: { 'example.com/owner': 'platform' },
    },
  },
  monitored: {
    metrics: { serviceMonitor: { enabled: true, labels: { release: 'prometheus' } }, podMonitor: { enabled: true, interval: '1m' } },
    networkPolicy: {
      metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
      apiServerCIDRs: ['192.0.2.1/32', '2001:db8::/64'],
    },
  },
};
