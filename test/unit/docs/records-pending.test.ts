import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { publicKeyThumbprint } from '../../../src/crypto/keys.ts';
import { parseCsr } from '../../../src/crypto/x509/csr.ts';
import { Rig } from '../controllers/vault-certificate/rig.ts';

it('the recovery tool opens the key of a CSR that is still out, too', async () => {
  const rig = await Rig.start();
  rig.issuer('company', { external: {} });
  rig.certificate('web', { issuerRef: { name: 'company' }, dnsNames: ['web.example'] });
  await rig.reconcile('web');
  const records = [...(await rig.engine.store.list({ kind: 'vault' })), ...(await rig.engine.store.list({ kind: 'object' }))];
  const items = [
    { metadata: { name: 'keystead-root-key' }, type: 'keystead.dev/root-key', data: { 'root-key': Buffer.alloc(32, 7).toString('base64') } },
    ...records.map(({ name, kind, vaultId, body }) => ({
      metadata: { name, labels: { 'keystead.dev/record': kind, 'keystead.dev/vault-id': vaultId } }, type: 'keystead.dev/record', data: { record: body.toString('base64') },
    })),
  ];
  const tool = fileURLToPath(new URL('./recover.mjs', import.meta.url));
  const { objects, problems } = JSON.parse(execFileSync(process.execPath, [tool], { input: JSON.stringify({ items }), encoding: 'utf8' })) as {
    objects: { pending?: { csr: string; fields: Record<string, string> } }[];
    problems: unknown[];
  };
  expect(problems).toEqual([]);
  const { csr = '', fields = {} } = objects[0]?.pending ?? {};
  const key = createPrivateKey(Buffer.from(fields['privateKey'] ?? '', 'base64'));
  expect(publicKeyThumbprint(key)).toBe(parseCsr(csr).publicKeyThumbprint);
});
