import type { ControlPlaneAccess } from '../../../src/cli/dev/access.ts';
import { CHART, helm } from '../../../tools/generate/chart/helm.ts';
import type { ChartValues } from '../../../tools/generate/chart/values.ts';

const NAMESPACE = 'keystead-system';

/** The real Helm with the real chart against a real API server. */
export class Release {
  readonly #on: ControlPlaneAccess;

  constructor(on: ControlPlaneAccess) {
    this.#on = on;
  }

  install(values: ChartValues = {}): Promise<string> {
    return this.#run(['install', 'keystead', CHART, '--create-namespace', '--values', '-'], values);
  }

  upgrade(values: ChartValues): Promise<string> {
    return this.#run(['upgrade', 'keystead', CHART, '--reset-values', '--values', '-'], values);
  }

  uninstall(): Promise<string> {
    return this.#run(['uninstall', 'keystead']);
  }

  #run(args: readonly string[], values?: ChartValues): Promise<string> {
    return helm([...args, '--namespace', NAMESPACE, '--kubeconfig', this.#on.adminKubeconfig], values === undefined ? '' : JSON.stringify(values));
  }
}
