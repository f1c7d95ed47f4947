import type { Generate } from '../../api/generate.ts';
import { KeysteadError } from '../../api/error.ts';
import type { VaultSecretSpec } from '../../api/vault-secret.ts';
import { generate } from '../../crypto/generate/generate.ts';
import type { KeyGenerator } from '../../crypto/keys.ts';
import type { KubeObject } from '../../kube/object.ts';
import { resources } from '../../kube/resource.ts';
import { isNotFound } from '../../kube/errors.ts';
import type { World } from '../world.ts';
import { MANAGED_LABEL, SOURCE_LABEL } from '../world.ts';
import type { Refusal } from './decide.ts';
import { contentOf, sourceSecret } from './source.ts';

/** What a value would be made from now: as bytes to take an HMAC over, or why there is nothing. */
export type Inputs = { readonly parts: readonly (string | Buffer)[] } | { readonly problem: Refusal } | undefined;

/** Undefined: the spec names no source. */
export function inputsOf(world: Pick<World, 'informers'>, namespace: string, spec: VaultSecretSpec): Inputs {
  if (spec.generate !== undefined) {
    const { rotation: _when, ...what } = spec.generate;
    return { parts: ['generate', JSON.stringify(what)] };
  }
  if (spec.secretRef === undefined) return undefined;
  const { name, key } = spec.secretRef;
  const source = world.informers.sourceSecrets.get(`${namespace}/${name}`);
  if (source === undefined || source.metadata.labels?.[SOURCE_LABEL] !== spec.vaultRef.name) return { problem: sourceMissing(name, spec.vaultRef.name) };
  if (isManaged(source)) return { problem: managedSource(name) };
  const content = contentOf(source, key);
  return content === undefined ? { problem: keyMissing(name, key) } : { parts: ['secretRef', key ?? '', content] };
}

/**
 * Makes the fields of a new version. A source is read only here, because it has changed; its label is looked at again on
 * what was read, and `parts` tells what was really taken.
 * @throws KeysteadError SourceMissing
 */
export async function makeValue(
  world: Pick<World, 'client' | 'random'>,
  keys: KeyGenerator,
  namespace: string,
  spec: VaultSecretSpec,
  signal: AbortSignal,
): Promise<{ readonly fields: ReadonlyMap<string, Buffer>; readonly parts?: readonly (string | Buffer)[] }> {
  if (spec.generate !== undefined) {
    const fields = await generate(spec.generate, { random: world.random, keys, signal });
    return { fields: new Map(Object.entries(fields).map(([field, value]) => [oneValue(spec.generate, field), Buffer.from(value, 'utf8')])) };
  }
  const { name, key } = spec.secretRef ?? { name: '' };
  const secret = await world.client.get(resources.secrets, { namespace, name }, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  const labelled = secret?.metadata.labels?.[SOURCE_LABEL] === spec.vaultRef.name && !isManaged(secret);
  const content = secret === undefined || !labelled ? undefined : contentOf(sourceSecret(secret), key);
  if (secret === undefined || content === undefined) {
    const { message } = labelled ? keyMissing(name, key) : sourceMissing(name, spec.vaultRef.name);
    throw new KeysteadError('SourceMissing', message, 'wait');
  }
  const taken = Object.entries(secret.data ?? {}).filter(([one]) => key === undefined || one === key);
  const fields = taken.map(([one, value]): [string, Buffer] => [key === undefined ? one : 'value', Buffer.from(value, 'base64')]);
  return { fields: new Map(fields), parts: ['secretRef', key ?? '', content] };
}

/** Generators that make one thing give it under the name that every single value has. */
function oneValue(spec: Generate | undefined, field: string): string {
  return spec?.password !== undefined || spec?.uuid !== undefined || spec?.bytes !== undefined ? 'value' : field;
}

function isManaged({ metadata }: KubeObject): boolean {
  return metadata.labels?.[MANAGED_LABEL] !== undefined;
}

/** A value that is taken from where one is written to would change for ever (decisions 28). */
function managedSource(name: string): Refusal {
  return {
    reason: 'SourceMissing',
    message: `Secret ${name} is written by Keystead (label ${MANAGED_LABEL}), so it is no source, whatever other label it carries. Name the Secret that its value comes from.`,
    consequence: 'waits',
  };
}

function sourceMissing(name: string, vault: string): Refusal {
  return {
    reason: 'SourceMissing',
    message: `Secret ${name} does not exist here with the label ${SOURCE_LABEL}: ${vault}. Create it, or have its owner put the label on it.`,
    consequence: 'waits',
  };
}

function keyMissing(name: string, key: string | undefined): Refusal {
  const what = key === undefined ? 'has no data' : `has no key ${key}`;
  return { reason: 'SourceMissing', message: `Secret ${name} ${what}. Add it, or correct spec.secretRef.`, consequence: 'waits' };
}
