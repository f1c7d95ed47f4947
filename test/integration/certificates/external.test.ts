import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ControlPlane } from '../../../src/cli/dev/control-plane.ts';
import { isSignedByIdentity } from '../../../src/crypto/identity.ts';
import { inspectCertificate } from '../../../src/crypto/x509/inspect.ts';
import { createCsr } from '../../../src/crypto/x509/make-csr.ts';
import { KeyGenerator } from '../../../src/crypto/keys.ts';
import type { FailPoint } from '../../../src/runtime/fail-point.ts';
import { auditEvents } from '../../support/audit-log.ts';
import { kubectl, ownControlPlane } from '../../support/control-plane.ts';
import { dyingAt } from '../../support/doomed.ts';
import { OpenSslCa } from '../../support/openssl-ca.ts';
import { installKeystead, OPERATOR_NAMESPACE, OPERATOR_USER, startOperator, until, type RunningOperator } from '../../support/operator.ts';
import { Team, type Live } from '../../support/team.ts';

let on: ControlPlane;
let operator: RunningOperator;
let team: Team;
let ca: OpenSslCa;

beforeAll(async () => {
  [on, ca] = await Promise.all([ownControlPlane(), OpenSslCa.make()]);
  await installKeystead(on);
  operator = await startOperator(on);
  team = await Team.create(on);
  await team.apply(team.manifest('Vault', 'app', {}), team.manifest('VaultIssuer', 'company', { external: { caBundle: await ca.bundle() } }));
  await team.ready('vault/app', 'vaultissuer/company');
}, 120_000);

afterAll(async () => {
  await operator.stop();
  await ca.remove();
});

const web = (name: string, spec: object = {}): object => team.manifest('VaultCertificate', name, { vaultRef: { name: 'app' }, issuerRef: { name: 'company' }, dnsNames: [`${name}.example`], target: {}, ...spec });

interface Pending {
  readonly id: string;
  readonly state: string;
  readonly csr?: string;
  readonly csrSignature?: string;
}
const pendingOf = ({ status }: Live): Pending | undefined => status?.['pending'] as Pending | undefined;

/** Applies a certificate and waits for its CSR. */
async function csrOf(name: string, spec: object = {}): Promise<string> {
  await team.apply(web(name, spec));
  return pendingOf(await team.when(`vaultcertificate/${name}`, (live) => pendingOf(live)?.csr !== undefined))?.csr ?? '';
}

/** What `kubectl keystead merge` does, with kubectl alone. */
function merge(name: string, pem: string): Promise<string> {
  return team.kubectl('patch', `vaultcertificate/${name}`, '--type=merge', '-p', JSON.stringify({ spec: { external: { signedCertificate: pem } } }));
}

const conditionOf = (live: Live, type: string) => live.status?.conditions?.find((condition) => condition.type === type);

describe('lesson 14: a CSR that goes out by mail, and comes back signed by openssl', () => {
  it('becomes a TLS Secret that openssl verifies, with a key that never left the vault before', async () => {
    const csr = await csrOf('mail');
    await team.reason('vaultcertificate/mail', 'SigningNeeded');
    await ca.write('mail.csr', csr);
    expect(await ca.openssl('req', '-in', 'mail.csr', '-noout', '-verify', '-text')).toContain('DNS:mail.example');
    expect(await team.find('secret/mail')).toBeUndefined();
    await merge('mail', (await ca.bundle()) + (await ca.sign(csr)));
    await team.ready('vaultcertificate/mail');
    const data = await team.data('mail');
    for (const [key, value] of Object.entries(data)) await ca.write(key, value);
    expect(await ca.openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'mail.example', '-CAfile', 'ca.crt', '-untrusted', 'tls.crt', 'tls.crt')).toContain(': OK');
    expect(await ca.openssl('x509', '-in', 'tls.crt', '-noout', '-pubkey')).toBe(await ca.openssl('pkey', '-in', 'tls.key', '-pubout'));
    expect((data['tls.crt'] ?? '').match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(data['ca.crt']).toBe(await ca.read('root.pem'));
    expect(pendingOf(await team.get('vaultcertificate/mail'))).toMatchObject({ state: 'completed' });
  });

  it('is signed by the identity that everybody may read, and nobody may change', async () => {
    const csr = await csrOf('genuine');
    const { csrSignature = '' } = pendingOf(await team.get('vaultcertificate/genuine')) ?? {};
    const ann = { user: 'ann' };
    const { data }: { data: Record<string, string> } = JSON.parse(await kubectl(['get', '-n', OPERATOR_NAMESPACE, 'configmap/keystead-identity', '-o', 'json'], { on, as: ann }));
    expect(isSignedByIdentity(data['identity.pub'] ?? '', 'csr', [team.namespace, 'genuine', csr], csrSignature)).toBe(true);
    const forge = kubectl(['patch', '-n', OPERATOR_NAMESPACE, 'configmap/keystead-identity', '-p', JSON.stringify({ data: { 'identity.pub': 'mine' } })], { on });
    await expect(forge).rejects.toThrow('Only the operator writes it');
  });

  it('comes back in a ConfigMap that is followed, once its owner put the label on it', async () => {
    const csr = await csrOf('followed', { external: { configMapRef: { name: 'answer', key: 'signed.pem' } } });
    await team.reason('vaultcertificate/followed', 'AnswerMissing');
    const signed = await ca.sign(csr);
    await team.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'answer', namespace: team.namespace }, data: { 'signed.pem': signed } });
    await team.kubectl('label', 'configmap/answer', 'keystead.dev/source=app');
    await team.ready('vaultcertificate/followed');
    expect((await team.data('followed'))['tls.crt']).toBe(signed + (await ca.read('sub.pem')));
  });
});

describe('lesson 14: an answer is refused with its reason, and the CSR goes on waiting', () => {
  let csr: string;
  beforeAll(async () => {
    csr = await csrOf('refused');
  });

  it.each<[string, string, () => Promise<string>]>([
    ['InvalidCertificate', 'that is none', async () => 'Dear team, please find attached'],
    ['KeyMismatch', 'about another key', async () => ca.sign(createCsr({ dnsNames: ['refused.example'], keyAlgorithm: { algorithm: 'ECDSA', curve: 'P-256' } }, await new KeyGenerator().generate({ algorithm: 'ECDSA', curve: 'P-256' })).pem)],
    ['ChainIncomplete', 'by another CA', async () => {
      const other = await OpenSslCa.make();
      try {
        return (await other.sign(csr)) + (await other.bundle());
      } finally {
        await other.remove();
      }
    }],
    ['CertificateExpired', 'that has expired', () => ca.sign(csr, { from: -20, days: 10 })],
    ['CertificateNotYetValid', 'of tomorrow', () => ca.sign(csr, { from: 1 })],
    ['CertificateWeaker', 'for another name', () => ca.sign(csr, { extensions: ['subjectAltName=DNS:other.example'] })],
    ['CertificateWeaker', 'signed with SHA-1', () => ca.sign(csr, { digest: 'sha1' })],
  ])('%s: %s', async (reason, _what, answer) => {
    await merge('refused', await answer());
    const ready = await team.reason('vaultcertificate/refused', reason);
    expect(ready.status).toBe('False');
    expect(conditionOf(await team.get('vaultcertificate/refused'), 'SigningNeeded')).toMatchObject({ status: 'True', reason });
    expect(pendingOf(await team.get('vaultcertificate/refused'))).toMatchObject({ state: 'inProgress', csr });
  });

  it('and is taken when it is right', async () => {
    await merge('refused', await ca.sign(csr));
    await team.ready('vaultcertificate/refused');
    expect((await team.get('vaultcertificate/refused')).status?.['revision']).toBe(1);
  });
});

describe('the renewal', () => {
  it('opens a new CSR at its time and tells people; the old certificate is served until the new one is there', async () => {
    const csr = await csrOf('again', { duration: '2160h', renewBefore: '1h' });
    const first = await ca.sign(csr);
    await merge('again', first);
    await team.ready('vaultcertificate/again');
    await team.kubectl('annotate', 'vaultcertificate/again', 'keystead.dev/renew=now');
    const waiting = await team.when('vaultcertificate/again', (live) => conditionOf(live, 'SigningNeeded') !== undefined);
    expect(conditionOf(waiting, 'Ready')).toMatchObject({ status: 'True', reason: 'RenewalWaiting' });
    expect(pendingOf(waiting)?.csr).not.toBe(csr);
    expect((await team.data('again'))['tls.crt']).toContain(first);
    await until(async () => (await team.kubectl('get', 'events.events.k8s.io', '-o', 'json')).includes('"reason": "SigningNeeded"'));
    // What the spec still says is history, and no answer.
    const second = await ca.sign(pendingOf(waiting)?.csr ?? '');
    await merge('again', second);
    await until(async () => (await team.data('again'))['tls.crt']?.startsWith(second) === true);
    expect((await team.get('vaultcertificate/again')).status?.['revision']).toBe(2);
  });

  it('of a short-lived one comes by itself', async () => {
    const csr = await csrOf('short');
    await merge('short', await ca.sign(csr, { days: 0.0009 }));
    const waiting = await team.when('vaultcertificate/short', (live) => live.status?.['revision'] === 1 && conditionOf(live, 'SigningNeeded') !== undefined);
    expect(pendingOf(waiting)?.csr).not.toBe(csr);
  });
});

it('an operation is cancelled by its id, and its answer refused from then on', async () => {
  const csr = await csrOf('cancelled');
  const { id = '' } = pendingOf(await team.get('vaultcertificate/cancelled')) ?? {};
  await team.kubectl('annotate', 'vaultcertificate/cancelled', `keystead.dev/cancel=${id}`);
  await team.reason('vaultcertificate/cancelled', 'SigningCancelled');
  await merge('cancelled', await ca.sign(csr));
  await team.reason('vaultcertificate/cancelled', 'SigningCancelled');
  expect(await team.find('secret/cancelled')).toBeUndefined();
});

describe('an operator that is killed', () => {
  const points = (['record', 'status'] as const).flatMap((write): FailPoint[] => [`${write}:before`, `${write}:after`]);
  const targetPoints: readonly FailPoint[] = ['target:before', 'target:after'];

  it.each(points)('at %s of opening a CSR leaves one CSR, which is gone on with', async (point) => {
    const name = `open-${point.replace(':', '-')}`;
    await operator.stop();
    await dyingAt(on, point, () => team.apply(web(name)));
    const left = pendingOf(await team.get(`vaultcertificate/${name}`))?.csr;
    operator = await startOperator(on);
    const csr = await csrOf(name);
    // What was shown once is what is waited for.
    expect(left ?? csr).toBe(csr);
    await merge(name, await ca.sign(csr));
    await team.ready(`vaultcertificate/${name}`);
    expect((await team.get(`vaultcertificate/${name}`)).status?.['revision']).toBe(1);
  });

  it.each([...points, ...targetPoints])('at %s of taking an answer publishes it once', async (point) => {
    const name = `merge-${point.replace(':', '-')}`;
    const signed = await ca.sign(await csrOf(name));
    await operator.stop();
    await dyingAt(on, point, () => merge(name, signed));
    operator = await startOperator(on);
    await team.ready(`vaultcertificate/${name}`);
    const live = await team.get(`vaultcertificate/${name}`);
    expect(live.status?.['revision']).toBe(1);
    expect(inspectCertificate((await team.data(name))['tls.crt'] ?? '').thumbprint).toBe(live.status?.['thumbprint']);
  });
});

it('the operator never called what it may not', async () => {
  const refused = (await auditEvents(on, { user: OPERATOR_USER })).filter(({ responseStatus }) => responseStatus?.code === 403);
  expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
});
