import { KeysteadError } from '../api/error.ts';
import type { CallOptions, KubeClient } from './client.ts';

/** The answer of /version, as far as it is read. */
export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  /** Such as `v1.36.3`. */
  readonly gitVersion: string;
}

/** Our CEL and our watches need what 1.32 brought (decisions 40, 51). */
const OLDEST = { major: 1, minor: 32 };

/** @throws KeysteadError ClusterTooOld; what the client throws. */
export async function requireSupportedVersion(client: KubeClient, options: CallOptions = {}): Promise<ServerVersion> {
  const { major, minor, gitVersion } = await client.getRaw<{ major: string; minor: string; gitVersion: string }>('/version', options);
  // Some distributions write `36+` as the minor version.
  const version = { major: Number.parseInt(major, 10), minor: Number.parseInt(minor, 10), gitVersion };
  const enough = version.major > OLDEST.major || (version.major === OLDEST.major && version.minor >= OLDEST.minor);
  if (!enough) {
    throw new KeysteadError(
      'ClusterTooOld',
      `The API server is Kubernetes ${gitVersion}; Keystead needs ${OLDEST.major}.${OLDEST.minor} or newer. Upgrade the cluster first.`,
      'stalled',
    );
  }
  return version;
}
