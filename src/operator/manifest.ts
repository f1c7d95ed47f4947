/** An object as it is applied; what else it has depends on its kind. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/**
 * The ServiceAccounts of the two processes. The names are fixed: guards let them through by name, and guards are
 * cluster-wide, so there is one installation a cluster.
 */
export const OPERATOR = 'keystead-operator';
export const SERVER = 'keystead-server';

export function componentLabels(component: string): Readonly<Record<string, string>> {
  return { 'app.kubernetes.io/name': 'keystead', 'app.kubernetes.io/component': component };
}
