import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../runtime/clock.ts';
import { kubeconfig } from './access.ts';
import type { Peer } from './https-call.ts';
import { createAuthority, createTokenKeys, issueClient, issueServer, type KeyAndCertificate } from './pki.ts';
import { type Layout, SERVICE_ADDRESS } from './servers.ts';

/**
 * Makes all keys, certificates and kubeconfigs of a control plane, readable by us alone. access.ts reads them back.
 * Two authorities, so that a client certificate of the cluster opens no door to etcd.
 */
export async function writeFiles(layout: Layout, clock: Clock): Promise<{ api: Peer; etcd: Peer }> {
  const url = `https://127.0.0.1:${layout.apiPort}`;
  const etcdUrl = `https://127.0.0.1:${layout.etcdPort}`;
  const [ca, etcdCa] = await Promise.all([createAuthority('keystead-dev', clock), createAuthority('keystead-dev-etcd', clock)]);
  const local = ['127.0.0.1'];
  const serviceNames = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const [apiServer, admin, manager, etcdServer, etcdClient] = await Promise.all([
    issueServer(ca, 'kube-apiserver', { dns: serviceNames, addresses: [...local, SERVICE_ADDRESS] }, clock),
    issueClient(ca, { commonName: 'keystead-admin', organizations: ['system:masters'] }, clock),
    issueClient(ca, { commonName: 'system:kube-controller-manager' }, clock),
    issueServer(etcdCa, 'etcd', { dns: ['localhost'], addresses: local }, clock),
    issueClient(etcdCa, { commonName: 'kube-apiserver' }, clock),
  ]);
  const tokens = createTokenKeys();
  const write = (file: string, text: string): void => writeFileSync(join(layout.directory, file), text, { mode: 0o600 });
  const writePair = (name: string, pair: KeyAndCertificate): void => {
    write(`${name}.crt`, pair.certificatePem);
    write(`${name}.key`, pair.keyPem);
  };
  writePair('ca', ca);
  writePair('api', apiServer);
  writePair('admin', admin);
  writePair('etcd-ca', etcdCa);
  writePair('etcd', etcdServer);
  writePair('etcd-client', etcdClient);
  write('tokens.key', tokens.privatePem);
  write('tokens.pub', tokens.publicPem);
  write('admin.kubeconfig', kubeconfig(url, ca.certificatePem, 'keystead-admin', admin));
  write('controller-manager.kubeconfig', kubeconfig(url, ca.certificatePem, 'system:kube-controller-manager', manager));
  write('endpoints.json', JSON.stringify({ url, etcdUrl }));
  return {
    api: { url, caPem: ca.certificatePem, client: admin },
    etcd: { url: etcdUrl, caPem: etcdCa.certificatePem, client: etcdClient },
  };
}
