import { jest } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { render } from '../../../tools/generate/chart/helm.ts';
import type { ChartValues } from '../../../tools/generate/chart/values.ts';
import type { Manifest } from '../../../src/operator/manifest.ts';

// On a new machine the first to ask for Helm builds it, which takes minutes.
jest.setTimeout(600_000);

export type Rendered = Manifest & { readonly [field: string]: unknown };

/** The chart's objects with these values. */
export async function rendered(values: ChartValues = {}, namespace = 'keystead-system'): Promise<readonly Rendered[]> {
  return documentsOf(await render(values, { namespace }));
}

/** @throws Error for what only some parsers would take for YAML */
export function documentsOf(yaml: string): readonly Rendered[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.join('\n'));
    const object = document.toJS() as Rendered | null;
    return object === null ? [] : [object];
  });
}

export function idOf({ kind, metadata }: Manifest): string {
  return [kind, metadata.namespace ?? '', metadata.name].join('/');
}
