import { describe, expect, it } from '@jest/globals';
import { deniedDomains } from '../../../src/api/target.ts';
import { operatorSettings } from '../../../src/cli/operator.ts';
import type { ChartValues } from '../../../tools/generate/chart/values.ts';
import { valueSets } from '../../../tools/generate/chart/value-sets.ts';
import { rendered } from './rendered.ts';

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: ReadonlyArray<{ readonly name: string; readonly value?: string }>;
  readonly securityContext: unknown;
  readonly volumeMounts?: ReadonlyArray<{ readonly name: string; readonly mountPath: string }>;
}

interface Pod {
  readonly volumes?: ReadonlyArray<{ readonly name: string }>;
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [Container];
}

async function pod(values: ChartValues = {}): Promise<Pod> {
  const deployment = (await rendered(values)).find(({ kind }) => kind === 'Deployment') as unknown as { spec: { template: { spec: Pod } } };
  return deployment.spec.template.spec;
}

const argumentsOf = async (values: ChartValues, prefix: string): Promise<readonly string[]> => (await pod(values)).containers[0].args.filter((one) => one.startsWith(prefix));

describe('the operator as the chart runs it', () => {
  it('may do nothing in its container but run', async () => {
    const [container] = (await pod()).containers;
    expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    // Nowhere to write: nothing does, unless audit goes to a file.
    expect((await pod()).volumes).toBeUndefined();
  });

  it('is told what the chart decides about rights and targets, or it would miss its guards', async () => {
    const settings = async (values: ChartValues) => {
      const [command, ...args] = (await pod(values)).containers[0].args;
      expect(command).toBe('operator');
      return operatorSettings(args, {});
    };
    expect((await settings({})).deployment).toEqual({ restart: false, deniedDomains });
    expect((await settings({ rbac: { restart: true } })).deployment).toEqual({ restart: true, deniedDomains });
    expect((await settings({ rbac: { namespaces: ['team-a', 'team-b'] }, targets: { deniedDomains: ['a.example.com'] } })).deployment).toEqual({
      restart: false,
      namespaces: ['team-a', 'team-b'],
      deniedDomains: ['a.example.com'],
    });
    expect(await settings(valueSets['audit-file'] ?? {})).toMatchObject({
      namespace: '$(POD_NAMESPACE)',
      identity: '$(POD_NAME)',
      audit: { stdout: true, file: '/var/log/keystead/audit.log', sync: true },
      metricsPort: 8080,
      healthPort: 8081,
    });
  });

  it('writes audit records where the values say, and to a file only on a volume', async () => {
    expect(await argumentsOf({}, '--audit')).toEqual(['--audit-stdout']);
    const file: ChartValues = { audit: { sinks: ['file'] } };
    expect(await argumentsOf(file, '--audit')).toEqual(['--audit-file=/var/log/keystead/audit.log']);
    const { volumes, containers } = await pod(file);
    expect(volumes).toEqual([{ name: 'audit', emptyDir: { sizeLimit: '1Gi' } }]);
    expect(containers[0].volumeMounts).toEqual([{ name: 'audit', mountPath: '/var/log/keystead' }]);
    // Helm merges maps: the default must not stay beside the chosen volume.
    expect((await pod(valueSets['audit-file'])).volumes).toEqual([{ name: 'audit', persistentVolumeClaim: { claimName: 'audit' } }]);
  });

  it.each([['512Mi', 384], ['1Gi', 768], ['3Gi', 2304]])('gives Node three quarters of %s', async (memory, heap) => {
    const { env } = (await pod({ operator: { resources: { limits: { memory } } } })).containers[0];
    expect(env).toContainEqual({ name: 'NODE_OPTIONS', value: `--max-old-space-size=${heap}` });
  });

  it('runs the digest where there is one, else the tag, else its own version', async () => {
    const image = async (values: ChartValues['image']): Promise<string> => (await pod({ image: values })).containers[0].image;
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(await image({ repository: 'example.com/k', tag: '1', digest })).toBe(`example.com/k@${digest}`);
    expect(await image({ repository: 'example.com:5000/k', tag: 'v2' })).toBe('example.com:5000/k:v2');
    expect(await image({ repository: 'k' })).toBe('k:0.1.0');
  });

  it('has longer to end than its own deadlines: workers 20 s, cut off 5 s, events 2 s', async () => {
    expect((await pod()).terminationGracePeriodSeconds).toBeGreaterThan(20 + 5 + 2);
  });
});

it.each(['defaults', ...Object.keys(valueSets)])('the root key belongs to no release (%s)', async (name) => {
  const kinds = (await rendered(valueSets[name] ?? {})).map(({ kind }) => kind);
  expect(kinds).not.toContain('Secret');
  expect(kinds).not.toContain('Namespace');
});
