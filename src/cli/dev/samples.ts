import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from '../../operator/manifest.ts';
import { CommandFailed } from '../io.ts';

/** All manifests of a folder, in the order in which kubectl applies them: by file name, then as they stand in the file. */
export function readManifests(folder: string): readonly Manifest[] {
  const files = filesOf(folder).filter((file) => /\.ya?ml$/.test(file)).toSorted();
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder, file), 'utf8')).flatMap((document) => {
      const value: unknown = document.toJS();
      if (value === null || value === undefined) return [];
      if (!isManifest(value)) throw new CommandFailed(`${join(folder, file)} holds something that is no Kubernetes object.`);
      return [value];
    }),
  );
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    throw new CommandFailed(`There is no folder ${folder}: the demonstration needs a checkout of Keystead.`);
  }
}

function isManifest(value: unknown): value is Manifest {
  const { apiVersion, kind, metadata }: { apiVersion?: unknown; kind?: unknown; metadata?: { name?: unknown } } = Object(value);
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string';
}
