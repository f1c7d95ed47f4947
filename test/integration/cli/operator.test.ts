import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { kubeconfigFile, ownControlPlane } from '../../support/control-plane.ts';
import { installKeystead, OPERATOR_NAMESPACE, until } from '../../support/operator.ts';
import { Team } from '../../support/team.ts';
import { startProgram, type Program } from './program.ts';

let on: ControlPlane;
let operator: Program;
let base = '';

beforeAll(async () => {
  on = await ownControlPlane();
  await installKeystead(on);
  const kubeconfig = await kubeconfigFile({ namespace: OPERATOR_NAMESPACE, serviceAccount: 'keystead-operator' }, on);
  operator = startProgram(['operator', '--kubeconfig', kubeconfig, '--audit-stdout', '--metrics-port', '0', '--health-port', '0', '--restart']);
  const [, port = ''] = await operator.says(/"Probes and metrics are served","port":(\d+)/);
  base = `http://127.0.0.1:${port}`;
}, 120_000);

afterAll(() => operator.end('SIGKILL'));

const get = async (path: string): Promise<{ status: number; text: string }> => {
  const answer = await fetch(base + path);
  return { status: answer.status, text: await answer.text() };
};

describe('keystead operator, as a process', () => {
  it('becomes ready, leads and works', async () => {
    await until(async () => (await get('/readyz')).status === 200);
    const team = await Team.create(on);
    await team.apply(
      team.manifest('Vault', 'app', {}),
      team.manifest('VaultIssuer', 'self', { selfSigned: {} }),
      team.manifest('VaultCertificate', 'web', { vaultRef: { name: 'app' }, issuerRef: { name: 'self' }, dnsNames: ['web.example'], target: {} }),
      team.manifest('VaultSecret', 'db', { vaultRef: { name: 'app' }, generate: { password: {} }, target: {} }),
    );
    await team.ready('vault/app', 'vaultcertificate/web', 'vaultsecret/db');
    const { text } = await get('/metrics');
    expect(text).toMatch(/^leader_election_master_status\{name="keystead-operator"\} 1$/m);
    expect(text).toMatch(/^keystead_issues_total\{issuer="selfSigned",result="success"\} 1$/m);
    expect(text).toMatch(/^keystead_issues_total\{issuer="ca",result="error"\} 0$/m);
    expect(text).toMatch(/^keystead_records\{kind="object"\} 2$/m);
    expect(text).toMatch(/^keystead_clock_untrusted 0$/m);
    expect(text).toMatch(/^workqueue_depth\{name="vault-secret"\} \d+$/m);
    expect(text).toMatch(/^controller_runtime_max_concurrent_reconciles\{controller="vault-secret"\} 16$/m);
    expect(text).toMatch(new RegExp(`^keystead_certificate_not_after_timestamp_seconds\\{namespace="${team.namespace}",name="web",vault="app"\\} \\d+$`, 'm'));
    expect(text).toMatch(/^rest_client_requests_total\{code="201",method="POST",host="127\.0\.0\.1:\d+"\} \d+$/m);
    expect(Number(/^keystead_audit_lines_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(5);
    const password = (await team.data('db'))['value'] ?? '';
    expect(password).toHaveLength(32);
    expect(operator.out() + operator.err() + text).not.toContain(password);
  });

  it('ends in good order on SIGTERM, with audit lines on stdout and log lines on stderr, and nothing else', async () => {
    expect(await operator.end('SIGTERM')).toBe(0);
    for (const line of operator.out().trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('mac');
    const log = operator.err().trimEnd().split('\n').map((line) => JSON.parse(line) as { level: string; message: string });
    expect(log.at(-1)?.message).toBe('Keystead operator has ended in good order');
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
