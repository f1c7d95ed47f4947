/**
 * What a piece of code needs to be allowed. Each controller exports its list; the chart's RBAC is generated from them,
 * and a test holds them against the API server's audit log.
 */

/** Parts of RBAC that the chart can leave out. */
export type Feature = 'restart';

export interface Permission {
  /** Empty for the core group. */
  readonly apiGroup: string;
  /** Plural, with the subresource after a slash: `vaultsecrets/status`. */
  readonly resource: string;
  readonly verbs: readonly Verb[];
  /** Only these objects. RBAC ignores it for `create`, `list` and `watch`, so it is refused together with them. */
  readonly resourceNames?: readonly string[];
  /**
   * `cluster`: everywhere, or in the listed namespaces when the installation is limited to them.
   * `operatorNamespace`: only in Keystead's own namespace.
   */
  readonly scope: 'cluster' | 'operatorNamespace';
  /** Only granted when the chart's switch for it is on. */
  readonly feature?: Feature;
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
