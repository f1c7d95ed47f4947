import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createNamespace, kubectl } from '../../support/control-plane.ts';
import { ApiServer, installCrds, type Answer } from './api-server.ts';
import { accessPolicy, deletedVault, vault, vaultCertificate, vaultIssuer, vaultSecret, without, type Manifest } from './manifests.ts';

/** What cannot be changed, by anybody: the administrator is the one who tries. */
let server: ApiServer;
let namespace: string;
beforeAll(async () => {
  await installCrds();
  namespace = await createNamespace('updates');
  server = new ApiServer(namespace);
});
afterAll(() => server.close());

const refused = (field: string, message: string) => ({ code: 422, body: expect.objectContaining({ message: expect.stringContaining(`${field}: Invalid value: ${message}`) }) });
const taken: unknown = expect.objectContaining({ code: 200 });

async function created(manifest: Manifest): Promise<Manifest> {
  expect((await server.create(manifest)).code).toBe(201);
  return manifest;
}

describe('purge protection', () => {
  const message = 'purge protection, once on, stays on for ever: put purgeProtection: true back';
  const attempts: readonly (readonly [string, (manifest: Manifest) => Promise<Answer>])[] = [
    ['false', (manifest) => server.patch(manifest, { spec: { purgeProtection: false } })],
    ['null', (manifest) => server.patch(manifest, { spec: { purgeProtection: null } })],
    ['a manifest without it', (manifest) => server.replace(without(manifest, 'purgeProtection'))],
    ['spec: null', (manifest) => server.patch(manifest, { spec: null })],
    ['a manifest without spec', (manifest) => server.replace({ apiVersion: manifest.apiVersion, kind: manifest.kind, metadata: manifest.metadata })],
  ];

  it('cannot be switched off in any of these ways', async () => {
    const protectedVault = await created(vault({ purgeProtection: true }, 'protected'));
    for (const [way, attempt] of attempts) {
      expect([way, await attempt(protectedVault)]).toEqual([way, expect.objectContaining(refused('spec.purgeProtection', message))]);
    }
    expect((await server.read(protectedVault)).body.spec).toMatchObject({ purgeProtection: true });
  });

  it('can be switched on later', async () => {
    const open = await created(vault({}, 'open'));
    expect(await server.patch(open, { spec: { purgeProtection: true } })).toEqual(taken);
    expect(await server.patch(open, { spec: { purgeProtection: null } })).toMatchObject(refused('spec.purgeProtection', message));
  });

  it('of a vault that is deleted and created again is not in the spec: the record holds it, and status says so', async () => {
    const again = await created(vault({ purgeProtection: true }, 'again'));
    await server.delete(again);
    await created(vault({}, 'again'));
    expect(await server.patchStatus(again, { purgeProtection: true, retentionDays: 30 })).toEqual(taken);
  });
});

describe('what is fixed', () => {
  const other = { vaultRef: { name: 'other' } };
  const vaultRefMessage = 'vaultRef cannot be changed: delete this resource and create it again for the other vault';
  it.each<[string, Manifest, object, string, string]>([
    ['retentionDays', vault({ retentionDays: 30 }, 'fixed-days'), { retentionDays: 7 }, 'spec.retentionDays', 'retentionDays is fixed when the vault is created: put the old number back'],
    ['retentionDays by removal', vault({ retentionDays: 30 }, 'fixed-days-2'), { retentionDays: null }, 'spec.retentionDays', 'retentionDays is fixed when the vault is created: put the old number back'],
    ['the vault of a VaultSecret', vaultSecret({}, 'fixed-vault'), other, 'spec.vaultRef', vaultRefMessage],
    ['the vault of a VaultCertificate', vaultCertificate({}, 'fixed-vault'), other, 'spec.vaultRef', vaultRefMessage],
    ['the vault of an AccessPolicy', accessPolicy({ syncTo: ['a'] }, 'fixed-vault'), other, 'spec.vaultRef', vaultRefMessage],
    ['the vault of an issuer', vaultIssuer({ ca: { vaultRef: { name: 'shop' }, certificateName: 'ca' } }, 'fixed-vault'), { ca: other }, 'spec.ca.vaultRef', vaultRefMessage],
    ['the type of an issuer', vaultIssuer({ selfSigned: {} }, 'fixed-type'), { selfSigned: null, ca: { vaultRef: { name: 'shop' }, certificateName: 'ca' } }, 'spec', 'the type of an issuer cannot be changed: create another issuer, and let certificates name that one'],
    ['the type of an issuer to one outside', vaultIssuer({ selfSigned: {} }, 'fixed-type-2'), { selfSigned: null, external: {} }, 'spec', 'the type of an issuer cannot be changed: create another issuer, and let certificates name that one'],
    ['the effect of a policy', accessPolicy({ syncTo: ['a'] }, 'fixed-effect'), { effect: 'Deny' }, 'spec.effect', 'effect cannot be changed: create another policy with the other effect and delete this one'],
    ['the effect by removal', accessPolicy({ syncTo: ['a'], effect: 'Deny' }, 'fixed-effect-2'), { effect: null }, 'spec.effect', 'effect cannot be changed: create another policy with the other effect and delete this one'],
    ['an object name', vaultSecret({ objectName: 'a' }, 'fixed-name'), { objectName: 'b' }, 'spec', 'objectName cannot be changed: delete this resource and create one for the other name'],
    ['an object name by removal', vaultSecret({ objectName: 'a' }, 'fixed-name-2'), { objectName: null }, 'spec', 'objectName cannot be changed: delete this resource and create one for the other name'],
    ['an object name by addition', vaultCertificate({}, 'fixed-name-3'), { objectName: 'b' }, 'spec', 'objectName cannot be changed: delete this resource and create one for the other name'],
  ])('%s', async (_what, manifest, spec, field, message) => {
    await created(manifest);
    const answer = await server.patch(manifest, { spec });
    expect(answer.code).toBe(422);
    expect(answer.body.message).toMatch(new RegExp(`${field.replaceAll('.', '[.]')}: Invalid value: ("[^"]*": )?${message}`));
  });
});

describe('purge of a deleted vault', () => {
  const gone = (name: string): Manifest => ({ ...deletedVault(), metadata: { name: `${namespace}.${name}` } });
  const purge = (id: string) => ({ spec: { purge: id } });

  it('needs the very id, and cannot be taken back', async () => {
    const manifest = await created(gone('shop'));
    expect(await server.patch(manifest, purge('guessed'))).toMatchObject(refused('spec.purge', 'spec.purge must be the id of this vault: copy it from status.vaultId'));
    await server.patchStatus(manifest, { vaultId: 'v1', purgeProtection: false });
    expect(await server.patch(manifest, purge('v2'))).toMatchObject(refused('spec.purge', 'spec.purge must be the id'));
    expect(await server.patch(manifest, purge('v1'))).toEqual(taken);
    expect(await server.patch(manifest, { spec: { purge: null } })).toMatchObject(refused('spec.purge', 'a purge cannot be taken back: put purge back as it was'));
    expect(await server.patch(manifest, { spec: null })).toMatchObject(refused('spec.purge', 'a purge cannot be taken back'));
    await server.delete(manifest);
  });

  it('is refused under purge protection', async () => {
    const manifest = await created(gone('kept'));
    await server.patchStatus(manifest, { vaultId: 'v1', purgeProtection: true });
    expect(await server.patch(manifest, purge('v1'))).toMatchObject(refused('spec.purge', 'this vault has purge protection: it cannot be purged before status.scheduledPurge'));
    await server.delete(manifest);
  });
});

describe('before the operator has looked', () => {
  const all = [vault({}, 'first'), vaultSecret({}, 'first'), vaultCertificate({}, 'first'), vaultIssuer(undefined, 'first'), accessPolicy(undefined, 'first')];

  it('every kind has a status that kstatus reads as in progress', async () => {
    for (const manifest of all) {
      await created(manifest);
      expect((await server.read(manifest)).body.status).toEqual({ observedGeneration: -1 });
    }
  });

  it('kubectl finds them by category and short name, and a person sees what he wants to know', async () => {
    const names = await kubectl(['get', 'keystead', '-n', namespace, '-o', 'name']);
    for (const { kind } of all) {
      expect(names).toContain(`${kind.toLowerCase()}.keystead.dev/first`);
    }
    const header = async (shortName: string) => (await kubectl(['get', shortName, '-A', '-o', 'wide'])).split('\n')[0]?.split(/ {2,}/);
    expect(await header('kv')).toEqual(['NAMESPACE', 'NAME', 'READY', 'REASON', 'SECRETS', 'CERTIFICATES', 'DELETED', 'SOONEST EXPIRY', 'KEY', 'AGE']);
    expect(await header('kvs')).toEqual(['NAMESPACE', 'NAME', 'READY', 'REASON', 'VAULT', 'TARGET', 'VERSION', 'NEXT ROTATION', 'AGE']);
    expect(await header('kvc')).toEqual(['NAMESPACE', 'NAME', 'READY', 'REASON', 'VAULT', 'ISSUER', 'TARGET', 'NOT AFTER', 'RENEWAL', 'REVISION', 'AGE']);
    expect(await header('kvi')).toEqual(['NAMESPACE', 'NAME', 'READY', 'REASON', 'VAULT', 'CA', 'ALLOWED', 'NOT AFTER', 'AGE']);
    expect(await header('kvap')).toEqual(['NAMESPACE', 'NAME', 'READY', 'REASON', 'VAULT', 'EFFECT', 'ROLES', 'SYNC TO', 'AGE']);
  });

  it('a name that the API server makes is held to the same rules', async () => {
    const withPrefix = (generateName: string) => {
      const { metadata: _named, ...rest } = vaultSecret();
      return kubectl(['create', '-f', '-', '-o', 'name'], { input: JSON.stringify({ ...rest, metadata: { generateName, namespace } }) });
    };
    await expect(withPrefix('generated-')).resolves.toMatch(/^vaultsecret[.]keystead[.]dev\/generated-/);
    await expect(withPrefix('generated.')).rejects.toThrow('names of objects in a vault have only letters');
  });

  it('can be selected by vault', async () => {
    await created(vaultSecret({ vaultRef: { name: 'elsewhere' } }, 'second'));
    const found = await kubectl(['get', 'kvs', '-n', namespace, '--field-selector', 'spec.vaultRef.name=elsewhere', '-o', 'name']);
    expect(found.trim()).toBe('vaultsecret.keystead.dev/second');
  });
});

describe('status', () => {
  it('cannot be written through the resource itself', async () => {
    const manifest = await created(vault({}, 'forged'));
    await server.patch(manifest, { status: { observedGeneration: 1, vaultId: 'forged' } });
    expect((await server.read(manifest)).body.status).toEqual({ observedGeneration: -1 });
  });

  it('has one condition of a type', async () => {
    const manifest = await created(vault({}, 'conditions'));
    const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: '2030-01-01T00:00:00Z' };
    expect((await server.patchStatus(manifest, { conditions: [ready] })).code).toBe(200);
    expect((await server.patchStatus(manifest, { conditions: [ready, ready] })).body.message).toContain('Duplicate value');
    expect((await server.patchStatus(manifest, { conditions: [{ type: 'Ready', status: 'Yes' }] })).code).toBe(422);
  });
});
