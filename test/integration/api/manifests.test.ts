import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createNamespace } from '../../support/control-plane.ts';
import { ApiServer, installCrds } from './api-server.ts';
import * as bad from './bad-manifests.ts';
import * as good from './good-manifests.ts';
import { vaultCertificate, vaultSecret } from './manifests.ts';

/**
 * What the real API server says to manifests, word for word: it refuses what is wrong with a message that says what to do,
 * and takes what is right. That the CRDs can be installed at all proves that the cost of every CEL rule is bounded.
 */
let server: ApiServer;
beforeAll(async () => {
  await installCrds();
  server = new ApiServer(await createNamespace('manifests'));
});
afterAll(() => server.close());

const badTables = Object.entries(bad);
const goodTables = Object.entries(good);

describe.each(badTables)('%s', (_table, rows) => {
  it.each(rows)('%s is refused', async (_what, manifest, answer) => {
    const { code, body } = await server.tryToCreate(manifest);
    expect({ code, message: body.message }).toEqual({ code: 422, message: `${manifest.kind}.keystead.dev "${manifest.metadata.name}" is invalid: ${answer}` });
  });
});

describe.each(goodTables)('%s', (_table, rows) => {
  it.each(rows)('%s is taken', async (_what, manifest) => {
    const { code, body } = await server.tryToCreate(manifest);
    expect({ code, message: body.message }).toEqual({ code: 201, message: undefined });
  });
});

describe('fields that do not exist', () => {
  it.each([
    ['a plain-text value', vaultSecret({ value: 'secret' }), 'unknown field "spec.value"'],
    ["cert-manager's issuer kind", vaultCertificate({ issuerRef: { name: 'own-ca', kind: 'ClusterIssuer' } }), 'unknown field "spec.issuerRef.kind"'],
  ])('%s', async (_what, manifest, answer) => {
    const { code, body } = await server.tryToCreate(manifest);
    expect(code).toBe(400);
    expect(body.message).toContain(`strict decoding error: ${answer}`);
  });
});

it('has at least 60 bad manifests', () => {
  expect(badTables.flatMap(([, rows]) => rows).length).toBeGreaterThanOrEqual(60);
});
