import { isNotFound } from '../../kube/errors.ts';
import { resources } from '../../kube/resource.ts';
import { SOURCE_LABEL, type World } from '../world.ts';
import type { GivenAnswer } from './facts.ts';
import type { Subject } from './gather.ts';

/**
 * What stands where the signed certificate is to come from. It is public, and not believed here. A ConfigMap needs the
 * label of a source: only such are watched, and their owner agrees that this vault reads them.
 */
export async function givenAnswer(
  world: Pick<World, 'informers' | 'client'>,
  { resource, spec, signal }: Pick<Subject, 'resource' | 'spec' | 'signal'>,
): Promise<GivenAnswer | undefined> {
  const { signedCertificate, configMapRef } = spec.external ?? {};
  if (signedCertificate !== undefined) return { where: 'spec.external.signedCertificate', pem: signedCertificate };
  if (configMapRef === undefined) return undefined;
  const { name, key } = configMapRef;
  const { namespace = '' } = resource.metadata;
  const where = `ConfigMap ${name}, key ${key}`;
  const isOurs = (labels: Readonly<Record<string, string>> | undefined): boolean => labels?.[SOURCE_LABEL] === spec.vaultRef.name;
  const unlabelled = { where, missing: `There is no ConfigMap ${name} here with the label ${SOURCE_LABEL}: ${spec.vaultRef.name}. Create it, or have its owner put the label on it.` };
  if (!isOurs(world.informers.sourceConfigMaps.get(`${namespace}/${name}`)?.metadata.labels)) return unlabelled;
  const live = await world.client.get(resources.configMaps, { namespace, name }, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (!isOurs(live?.metadata.labels)) return unlabelled;
  const pem = Object.hasOwn(live?.data ?? {}, key) ? live?.data?.[key] : undefined;
  return pem === undefined ? { where, missing: `ConfigMap ${name} has no key ${key}. Put the signed certificate there.` } : { where, pem };
}
