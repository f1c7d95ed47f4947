import { describe, expect, it } from '@jest/globals';
import { HelpAsked, UsageError } from '../../../src/cli/args.ts';
import { operatorSettings, run } from '../../../src/cli/operator.ts';
import { testIo } from './io.ts';

const settings = (args: string, environment = {}) => operatorSettings(args.split(' ').filter((arg) => arg !== ''), environment);

describe('the flags of keystead operator', () => {
  it('are those that the chart gives', () => {
    const args = [
      '--namespace=keystead-system', '--identity=pod-1', '--metrics-port=8080', '--health-port=8081', '--log-level=warn', '--restart',
      '--denied-domain=a.example', '--denied-domain=b.example', '--audit-stdout', '--audit-file=/var/log/keystead/audit.log', '--audit-file-sync',
    ];
    expect(settings(args.join(' '))).toEqual({
      kubeconfig: undefined,
      namespace: 'keystead-system',
      identity: 'pod-1',
      deployment: { restart: true, deniedDomains: ['a.example', 'b.example'] },
      audit: { stdout: true, file: '/var/log/keystead/audit.log', sync: true },
      metricsPort: 8080,
      healthPort: 8081,
      logLevel: 'warn',
    });
  });

  it('fall back to what the pod says of itself', () => {
    const { namespace, identity } = settings('--audit-stdout', { POD_NAMESPACE: 'there', POD_NAME: 'it' });
    expect({ namespace, identity }).toEqual({ namespace: 'there', identity: 'it' });
  });

  it('limit it to namespaces', () => {
    expect(settings('--audit-stdout --serve-namespace a --serve-namespace b').deployment.namespaces).toEqual(['a', 'b']);
    expect(settings('--audit-stdout').deployment.namespaces).toBeUndefined();
  });

  it.each([
    ['', 'needs an audit log: give --audit-stdout, --audit-file PATH, or both'],
    ['--audit-file-sync --audit-stdout', '--audit-file-sync is about --audit-file'],
    ['--audit-file= --audit-stdout', 'needs a path after --audit-file'],
    ['--audit-stdout --restart --serve-namespace a', '--restart needs rights in the whole cluster'],
    ['--audit-stdout --log-level loud', '--log-level must be one of error, warn, info, debug, not "loud"'],
    ['--audit-stdout --health-port 65536', '--health-port must be a port, 0 to 65535, not "65536"'],
    ['--audit-stdout --metrics-port -1', '--metrics-port'],
    ['--audit-stdout --no-such', 'has no flag --no-such; it has --audit-file, --audit-file-sync'],
    ['--audit-stdout now', 'does not know what to do with "now". See "keystead operator --help"'],
    ['--namespace', "'--namespace <value>' argument missing"],
  ])('%j is refused with what to do', (args, message) => {
    expect(() => settings(args)).toThrow(UsageError);
    expect(() => settings(args)).toThrow(message);
  });

  it('all stand in the help', () => {
    let help = '';
    try {
      settings('--wrong --help');
    } catch (error) {
      if (!(error instanceof HelpAsked)) throw error;
      help = error.message;
    }
    for (const flag of ['namespace', 'identity', 'serve-namespace', 'restart', 'denied-domain', 'audit-stdout', 'audit-file', 'audit-file-sync', 'metrics-port', 'health-port', 'log-level', 'kubeconfig']) {
      expect(help).toMatch(new RegExp(`^  --${flag} `, 'm'));
    }
  });

  it('outside of a pod it says where an API server could come from', async () => {
    await expect(run(['--audit-stdout'], testIo())).rejects.toThrow('Give --kubeconfig PATH, or run "keystead dev"');
  });
});
