import { customResources } from '../../src/api/crds.ts';
import { argoHealthChecks } from './argocd/health-checks.ts';
import { goldenRenders, installManifest } from './chart/renders.ts';
import { chartTemplates } from './chart/templates.ts';
import { chartValuesFiles } from './chart/values-files.ts';
import { customResourceDefinitions } from './crds.ts';
import { fieldReference } from './field-reference.ts';
import { metricsPage } from './metrics-page.ts';
import { reasonsPage } from './reasons-page.ts';
import { rolesPage } from './roles-page.ts';
import { targetMatrix } from './target-matrix.ts';

/**
 * Everything in the repository that is made from the source. To add one: write a Generator beside this file and list it
 * here. `npm run generate` writes the files; `make verify` and a unit test fail when one is not what it would be.
 */
export interface Generator {
  /** For progress and messages. */
  readonly name: string;
  /** Folders, from the top of the repository, in which every file with the extension belongs to this generator: others are removed. */
  readonly owns?: readonly { readonly folder: string; readonly extension: string }[];
  /** Path from the top of the repository to content. Pure: same source, same bytes. */
  render(): ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>>;
}

export const generators: readonly Generator[] = [
  customResourceDefinitions(customResources),
  fieldReference(customResources),
  reasonsPage(),
  metricsPage(),
  rolesPage(),
  argoHealthChecks(),
  chartTemplates(),
  chartValuesFiles(),
  // From here on Helm renders what was written just now.
  installManifest(),
  goldenRenders(),
  targetMatrix(),
];
