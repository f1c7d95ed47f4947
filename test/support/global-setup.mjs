import { globSync } from 'node:fs';
import { join } from 'node:path';
import { findBinary } from '../../src/cli/dev/binaries.ts';
import { startControlPlane } from '../../src/cli/dev/control-plane.ts';
import { devHost } from './dev-host.ts';

/**
 * Runs once, before all test files, in Jest's own process (natively: Node strips the types). Starts the control plane that all
 * integration tests share if one of them is selected; unit tests alone start at once. Fails the whole run if it can't.
 */
export default async function globalSetup(globalConfig, projectConfig) {
  const selected = globalConfig.testPathPatterns.toExecutor({ rootDir: projectConfig.rootDir });
  const files = globSync('test/integration/**/*.test.ts', { cwd: projectConfig.rootDir });
  if (!files.some((file) => selected.isMatch(join(projectConfig.rootDir, file)))) {
    return;
  }
  const host = devHost();
  // Built here on a new machine, where nobody's test time-out runs.
  for (const name of ['kubectl', 'helm']) {
    await findBinary(name, host);
  }
  const controlPlane = await startControlPlane({ host });
  // Workers inherit the environment; they open the control plane by its folder.
  process.env.KEYSTEAD_TEST_CONTROL_PLANE = controlPlane.directory;
  globalThis.keysteadStopControlPlane = () => controlPlane.stop();
}
