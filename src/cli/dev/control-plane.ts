import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeysteadError } from '../../api/error.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import { type ControlPlaneAccess, openControlPlane } from './access.ts';
import { type BinaryHost, findBinary } from './binaries.ts';
import { writeFiles } from './files.ts';
import { call, type Peer } from './https-call.ts';
import { apiServerArguments, type AuditLevel, controllerManagerArguments, etcdArguments, type Layout } from './servers.ts';
import { createSupervisor, type Server, type Supervisor } from './supervisor.ts';

/** A throw-away control plane that this process started and holds. */
export interface ControlPlane extends ControlPlaneAccess {
  /** Kills the API server at once, as a crash would; etcd and its data stay. */
  killApiServer(): Promise<void>;
  /** Starts it again on the same port and data, and waits until it is ready. */
  startApiServer(): Promise<void>;
  /** Ends all and removes every file. Also happens when this process ends in any way, kill -9 included. */
  stop(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly host: BinaryHost;
  /** Default `metadata`. */
  readonly audit?: AuditLevel;
}

const READY_WITHIN_MS = 60_000;
const LOOK_AGAIN_MS = 50;
const PORT_ATTEMPTS = 3;

/**
 * Starts etcd, an API server with RBAC, and a controller manager on free loopback ports, with a PKI of their own in a fresh
 * folder; about 8 s on two cores. No nodes, no scheduler: nothing runs pods. Needs no rights on the machine.
 * Throws KeysteadError `ControlPlaneFailed` with the end of the log of the server that failed, and leaves nothing behind.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { host } = options;
  const paths = {
    etcd: await findBinary('etcd', host),
    apiServer: await findBinary('kube-apiserver', host),
    controllerManager: await findBinary('kube-controller-manager', host),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launch(paths, options);
    } catch (error) {
      // Between choosing a free port and listening on it, another process may have taken it.
      if (attempt >= PORT_ATTEMPTS || !String(error).includes('address already in use')) {
        throw error;
      }
    }
  }
}

interface Paths {
  readonly etcd: string;
  readonly apiServer: string;
  readonly controllerManager: string;
}

async function launch(paths: Paths, { host, audit = 'metadata' }: ControlPlaneOptions): Promise<ControlPlane> {
  const { clock } = host;
  // mkdtemp makes it readable by us alone: the keys in it are worth as much as the cluster.
  const directory = mkdtempSync(join(tmpdir(), 'keystead-'));
  const supervisor = createSupervisor(directory);
  try {
    const [apiPort = 0, etcdPort = 0] = await freePorts(2);
    const layout: Layout = { directory, apiPort, etcdPort };
    const { api, etcd } = await writeFiles(layout, clock);
    const etcdServer = supervisor.start('etcd', paths.etcd, etcdArguments(layout));
    await untilAnswer(etcdServer, etcd, '/readyz', clock);
    let apiServer = await startApiServer(supervisor, paths.apiServer, layout, audit, api, clock);
    const manager = supervisor.start('kube-controller-manager', paths.controllerManager, controllerManagerArguments(layout));
    await untilAnswer(manager, api, '/api/v1/namespaces/default/serviceaccounts/default', clock);
    await untilAnswer(manager, api, '/api/v1/namespaces/default/configmaps/kube-root-ca.crt', clock);
    return {
      ...openControlPlane(directory, clock),
      killApiServer: () => apiServer.kill(),
      async startApiServer() {
        apiServer = await startApiServer(supervisor, paths.apiServer, layout, audit, api, clock);
      },
      stop: () => supervisor.stop(),
    };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

async function startApiServer(supervisor: Supervisor, path: string, layout: Layout, audit: AuditLevel, api: Peer, clock: Clock): Promise<Server> {
  const server = supervisor.start('kube-apiserver', path, apiServerArguments(layout, audit));
  await untilAnswer(server, api, '/readyz', clock);
  return server;
}

/** Waits for a 200 at `path` of a peer, as long as `server` lives. */
async function untilAnswer(server: Server, peer: Peer, path: string, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + READY_WITHIN_MS;
  let last = 'nothing';
  while (server.isRunning() && clock.monotonic() < deadline) {
    try {
      const answer = await call(peer, path);
      if (answer.status === 200) {
        return;
      }
      last = `${answer.status} ${answer.text}`;
    } catch (error) {
      last = String(error);
    }
    await sleep(clock, LOOK_AGAIN_MS);
  }
  const what = server.isRunning() ? `did not get ready in ${READY_WITHIN_MS / 1000} s (last answer: ${last})` : 'ended while starting';
  throw new KeysteadError('ControlPlaneFailed', `${server.name} ${what}. The end of its log:\n${server.logTail()}`, 'retry');
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const listeners = Array.from({ length: count }, () => createServer());
  await Promise.all(listeners.map((listener) => once(listener.listen(0, '127.0.0.1'), 'listening')));
  const ports = listeners.map((listener) => {
    const address = listener.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  });
  await Promise.all(listeners.map((listener) => once(listener.close(), 'close')));
  return ports;
}
