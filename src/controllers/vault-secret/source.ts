import { createHash } from 'node:crypto';
import { canonical } from '../../crypto/canonical.ts';
import type { Secret } from '../../kube/kinds.ts';
import { resources, typed } from '../../kube/resource.ts';
import { slim } from '../../kube/transform.ts';

/** What is kept of a Secret that is the source of a VaultSecret: which keys it has, and a digest of each value. */
export interface SourceSecret extends Secret {
  /** Hex SHA-256 of each value, by key. Never leaves this process. */
  readonly digests: Readonly<Record<string, string>>;
}

export const sourceSecretResource = typed<SourceSecret>(resources.secrets);

/** Drops the values as soon as they were read: a source is fetched again only when a digest has changed. */
export function sourceSecret(secret: Secret | SourceSecret): SourceSecret {
  const { data = {}, ...rest } = slim(secret);
  const digests = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, createHash('sha256').update(value).digest('hex')]));
  return { ...rest, digests: 'digests' in secret ? secret.digests : digests };
}

/** Stands for what a VaultSecret takes of a source; equal if and only if the content is. Undefined: it has no such key. */
export function contentOf(source: SourceSecret, key: string | undefined): Buffer | undefined {
  const keys = key === undefined ? Object.keys(source.digests).toSorted() : [key];
  const digests = keys.map((one) => (Object.hasOwn(source.digests, one) ? source.digests[one] : undefined));
  if (digests.length === 0 || digests.includes(undefined)) return undefined;
  return canonical(keys.flatMap((one, n) => [one, digests[n] ?? '']));
}
