import { KubeClient } from '../../../src/kube/client.ts';
import { kubeconfigFile } from '../../../src/kube/config.ts';
import { HttpTransport } from '../../../src/kube/http.ts';
import { Informer, type InformerOptions } from '../../../src/kube/informer.ts';
import type { ConfigMap } from '../../../src/kube/kinds.ts';
import { resources } from '../../../src/kube/resource.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { systemRandom } from '../../../src/runtime/random.ts';

export const common = { clock: systemClock, random: systemRandom, log: silentLog };

/** A client with the credentials of a kubeconfig file. */
export async function connect(kubeconfigPath: string): Promise<KubeClient> {
  const config = await kubeconfigFile(kubeconfigPath, systemClock);
  return new KubeClient(new HttpTransport(config, { clock: systemClock, userAgent: 'keystead/integration-test' }), common);
}

export interface RunningInformer {
  readonly informer: Informer<ConfigMap>;
  /** Resolves as soon as the condition holds for the cache; asked after each change. */
  until(condition: () => boolean): Promise<void>;
  stop(): Promise<void>;
}

/** An informer of the ConfigMaps in a namespace, without those that every namespace has. */
export function configMaps(client: KubeClient, namespace: string, options: Partial<InformerOptions<ConfigMap>> = {}): RunningInformer {
  const informer = new Informer({ client, resource: resources.configMaps, namespaces: [namespace], labelSelector: 'test=yes', ...common, ...options });
  const waiting = new Set<() => void>();
  informer.onChange(() => queueMicrotask(() => waiting.forEach((look) => look())));
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  return {
    informer,
    until: (condition) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (condition()) {
            waiting.delete(look);
            resolve();
          }
        };
        waiting.add(look);
        look();
      }),
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}

/** A ConfigMap as the tests write them. */
export function configMap(namespace: string, name: string, data: Readonly<Record<string, string>> = {}): Pick<ConfigMap, 'data'> & { metadata: { namespace: string; name: string; labels: Record<string, string> } } {
  return { metadata: { namespace, name, labels: { test: 'yes' } }, data };
}
