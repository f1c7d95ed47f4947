/**
 * The real programs that `keystead dev` and the integration tests run against, with the one version of each that is used.
 * The sources are pinned by tools/<module>/go.mod and go.sum; a unit test holds the versions here equal to those there.
 */

export type ProgramName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kubectl' | 'helm';

/** Where a published build lies: one file, or a member of a .tar.gz. */
export interface PublishedArchive {
  readonly url: string;
  /** A text in which the archive's SHA-256 stands in hex, alone or on a line that ends with the archive's file name. */
  readonly checksumUrl: string;
  /** The path of the program inside the .tar.gz; undefined when the archive is the program itself. */
  readonly member: string | undefined;
}

export interface Program {
  readonly name: ProgramName;
  /** Semantic version with a leading v. */
  readonly version: string;
  /** The folder under tools/ whose go.mod pins it. */
  readonly module: string;
  /** The Go package of its main function. */
  readonly goPackage: string;
  /** The Go module that carries the version, as go.mod names it. */
  readonly goModule: string;
  /** `-X` assignments for the linker; without them Kubernetes programs report v0.0.0 and kubectl and Helm refuse it. */
  readonly linkerValues: readonly string[];
  /** Arguments that make it print its version and exit. */
  readonly versionArguments: readonly string[];
  /** The published build for an operating system and processor in Go's words, or undefined if there is none. */
  published(os: string, arch: string): PublishedArchive | undefined;
}

const KUBERNETES = 'v1.36.3';
const ETCD = 'v3.6.16';
const HELM = 'v4.3.1';

function kubernetesProgram(name: ProgramName, versionArguments: readonly string[], systems: readonly string[]): Program {
  const [major = '', minor = ''] = KUBERNETES.slice(1).split('.');
  const stamp = 'k8s.io/component-base/version';
  return {
    name,
    version: KUBERNETES,
    module: 'kubernetes',
    goPackage: `k8s.io/kubernetes/cmd/${name}`,
    goModule: 'k8s.io/kubernetes',
    linkerValues: [`${stamp}.gitVersion=${KUBERNETES}`, `${stamp}.gitMajor=${major}`, `${stamp}.gitMinor=${minor}`],
    versionArguments,
    published(os, arch) {
      const url = `https://dl.k8s.io/release/${KUBERNETES}/bin/${os}/${arch}/${name}`;
      return systems.includes(os) ? { url, checksumUrl: `${url}.sha256`, member: undefined } : undefined;
    },
  };
}

const etcd: Program = {
  name: 'etcd',
  version: ETCD,
  module: 'etcd',
  goPackage: 'go.etcd.io/etcd/server/v3',
  goModule: 'go.etcd.io/etcd/server/v3',
  linkerValues: [],
  versionArguments: ['--version'],
  published(os, arch) {
    const base = `https://github.com/etcd-io/etcd/releases/download/${ETCD}`;
    const folder = `etcd-${ETCD}-${os}-${arch}`;
    // For macOS etcd publishes .zip files, which plain tar on other systems cannot open: there it is built with Go.
    return os === 'linux'
      ? { url: `${base}/${folder}.tar.gz`, checksumUrl: `${base}/SHA256SUMS`, member: `${folder}/etcd` }
      : undefined;
  },
};

const helm: Program = {
  name: 'helm',
  version: HELM,
  module: 'helm',
  goPackage: 'helm.sh/helm/v4/cmd/helm',
  goModule: 'helm.sh/helm/v4',
  linkerValues: [`helm.sh/helm/v4/internal/version.version=${HELM}`],
  versionArguments: ['version', '--short'],
  published(os, arch) {
    const url = `https://get.helm.sh/helm-${HELM}-${os}-${arch}.tar.gz`;
    return { url, checksumUrl: `${url}.sha256sum`, member: `${os}-${arch}/helm` };
  },
};

export const programs: Readonly<Record<ProgramName, Program>> = {
  etcd,
  // The servers are published for Linux only.
  'kube-apiserver': kubernetesProgram('kube-apiserver', ['--version'], ['linux']),
  'kube-controller-manager': kubernetesProgram('kube-controller-manager', ['--version'], ['linux']),
  kubectl: kubernetesProgram('kubectl', ['version', '--client'], ['linux', 'darwin']),
  helm,
};
