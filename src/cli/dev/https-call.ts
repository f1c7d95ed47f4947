import { Agent, request } from 'node:https';
import type { KeyAndCertificate } from './pki.ts';

/** A server of the throw-away control plane, and who we are to it. */
export interface Peer {
  readonly url: string;
  readonly caPem: string;
  readonly client: KeyAndCertificate;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * One HTTPS call to a server of the throw-away control plane, on a connection of its own, with a body as JSON (then a POST).
 * Only for setting up and looking in from outside; what Keystead itself asks of an API server goes through src/kube.
 */
export function call(peer: Peer, path: string, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, peer.url),
      {
        method: body === undefined ? 'GET' : 'POST',
        ca: peer.caPem,
        cert: peer.client.certificatePem,
        key: peer.client.keyPem,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        agent: new Agent({ keepAlive: false }),
        timeout: 10_000,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('error', reject);
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
      },
    );
    sent.once('timeout', () => sent.destroy(new Error(`no answer from ${peer.url} in 10 s`)));
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
