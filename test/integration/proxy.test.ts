import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { Agent, request } from 'undici';
import { controlPlane, createNamespace, kubectl } from '../support/control-plane.ts';
import { expired, FaultProxy } from '../support/proxy.ts';

/** Faults that other tests rely on must really be what they are called. */
describe('fault proxy', () => {
  let proxy: FaultProxy;
  let namespace = '';
  let token = '';
  let client: Agent;

  beforeAll(async () => {
    namespace = await createNamespace('proxy');
    await kubectl(['create', 'serviceaccount', 'client', '-n', namespace]);
    await kubectl(['create', 'rolebinding', 'client', '--clusterrole=admin', `--serviceaccount=${namespace}:client`, '-n', namespace]);
    proxy = await FaultProxy.start(controlPlane());
    const kubeconfig = parse(proxy.through(await controlPlane().kubeconfigForServiceAccount(namespace, 'client')));
    token = kubeconfig.users[0].user.token;
    client = new Agent({ connect: { ca: controlPlane().caPem } });
  });

  afterAll(async () => {
    await client.destroy();
    await proxy.close();
  });

  const ask = (path = '', method: 'GET' | 'POST' = 'GET', body?: object) =>
    request(`${proxy.url}/api/v1/namespaces/${namespace}/configmaps${path}`, {
      dispatcher: client,
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
  const everything = () => true;

  it('passes requests on with their identity, and answers for the API server when told', async () => {
    expect(proxy.through(await controlPlane().kubeconfigForServiceAccount(namespace, 'client'))).toContain(proxy.url);
    proxy.inject(everything, { kind: 'answer', status: 429, reason: 'TooManyRequests', headers: { 'retry-after': '1' } });
    const refused = await ask();
    expect([refused.statusCode, refused.headers['retry-after'], await refused.body.json()]).toMatchObject([429, '1', { reason: 'TooManyRequests' }]);
    const passed = await ask();
    expect([passed.statusCode, await passed.body.json()]).toMatchObject([200, { kind: 'ConfigMapList' }]);
  });

  it('cuts before the API server sees a write, or after', async () => {
    proxy.inject(({ method }) => method === 'POST', { kind: 'cut' });
    await expect(ask('', 'POST', configMap('before'))).rejects.toThrow('other side closed');
    proxy.inject(({ method }) => method === 'POST', { kind: 'cut-after' });
    await expect(ask('', 'POST', configMap('after'))).rejects.toThrow('other side closed');
    const answers = await Promise.all(['/before', '/after'].map((path) => ask(path)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([404, 200]);
    await Promise.all(answers.map(({ body }) => body.dump()));
  });

  it('slips a 410 into a watch, silences it, and ends it', async () => {
    const watch = await ask('?watch=true&resourceVersion=0');
    const lines: string[] = [];
    const ended = (async () => {
      for await (const chunk of watch.body) {
        lines.push(String(chunk));
      }
    })();
    await proxy.untilWatches(1);
    expect(proxy.send(expired)).toBe(1);
    proxy.silence();
    expect(proxy.send(expired)).toBe(0);
    await (await ask('', 'POST', configMap('unseen'))).body.dump();
    proxy.speak();
    proxy.endWatches();
    await ended;
    const text = lines.join('');
    expect(text).toContain('"code":410');
    expect(text).not.toContain('unseen');
    expect(proxy.watches()).toBe(0);
  });
});
