import type { Target } from '../../api/target.ts';
import type { Informer } from '../../kube/informer.ts';
import type { Secret } from '../../kube/kinds.ts';
import type { ToWrite } from '../../kube/object.ts';
import { compose, composeMerge, withContentMark, type Composition } from './compose.ts';
import { contentParts, restartParts, type Content, type ContentSource, type PublishedHash } from './content.ts';
import { withoutGap, type Write } from './decide.ts';
import { marks, valueOf, type Owner } from './identity.ts';
import { contentDigest, digestsOf, type ManagedSecret } from './managed-secret.ts';
import { render, withOutputs, type Rendered } from './render.ts';
import type { MakeOutputs } from './targets.ts';
import type { SecretWriter } from './write.ts';

export interface ContentWrite {
  readonly owner: Owner;
  readonly vault: string;
  readonly target: Target;
  readonly source: ContentSource;
  readonly action: Write;
  readonly deniedDomains: readonly string[];
  readonly now: Date;
  readonly informer: Informer<ManagedSecret>;
  readonly writer: SecretWriter;
  readonly hash: PublishedHash;
  readonly open: () => Promise<Map<string, Buffer>>;
  readonly outputs?: MakeOutputs | undefined;
  readonly signal: AbortSignal;
}

/**
 * Decrypts, renders, and writes what was decided. All plain values are overwritten before this answers; the body of the
 * request, a string, is left to the garbage collector.
 */
export async function writeContent(write: ContentWrite): Promise<[Write['do'], ManagedSecret]> {
  const fields = await write.open();
  const plain = [...fields.values()];
  try {
    const rendered = render(write.target, fields, write.deniedDomains);
    plain.push(...rendered.data.values());
    const outputs = (await write.outputs?.(fields)) ?? new Map<string, Buffer>();
    plain.push(...outputs.values());
    return await writeRendered(write, withOutputs(rendered, outputs));
  } finally {
    for (const value of plain) value.fill(0);
  }
}

async function writeRendered(write: ContentWrite, rendered: Rendered): Promise<[Write['do'], ManagedSecret]> {
  const { informer, writer, signal, target } = write;
  const digests = digestsOf(rendered.data);
  const { live } = write.action;
  const sameContent = live !== undefined && contentDigest(live.digests) === contentDigest(digests);
  const action = withoutGap(write.action, target, sameContent);
  const composition: Composition = { ...write, version: write.source.version, rendered, live, restartMarks: await restartMarks(write, digests, live) };
  switch (action.do) {
    case 'merge':
      return ['merge', await writer.merge(informer, await merged(write, composition, digests), write.owner, signal)];
    case 'update':
      return ['update', await writer.update(informer, await marked(write, compose(composition, 'update'), digests), signal)];
    case 'replace':
      // Between these two there is no Secret: the documented gap. Killed in it, the next pass creates.
      await writer.remove(action.live, signal);
      return ['replace', await writer.create(informer, await marked(write, compose(composition, 'create'), digests), signal)];
    default:
      return ['create', await writer.create(informer, await marked(write, compose(composition, 'create'), digests), signal)];
  }
}

/** Puts the MAC over all that was composed on it. */
async function marked({ source, hash }: ContentWrite, secret: ToWrite<Secret>, digests: Content['digests']): Promise<ToWrite<Secret>> {
  const { labels, annotations } = secret.metadata;
  const parts = contentParts(source, { type: secret.type ?? 'Opaque', digests, labels, annotations });
  return withContentMark(secret, await hash(parts ?? []));
}

async function merged({ source, hash, owner }: ContentWrite, composition: Composition, digests: Content['digests']): Promise<ToWrite<Secret>> {
  const keys = Object.keys(digests).toSorted();
  const { labels, annotations } = composition.rendered;
  const content: Content = { type: '', digests, labels: Object.fromEntries(labels), annotations: Object.fromEntries(annotations) };
  const parts = contentParts(source, content, keys);
  return composeMerge(composition, { owner, version: source.version, keys, content: await hash(parts ?? []) });
}

/**
 * What tells `restart.ts` later, after a kill too, that values took the place of others. The first write is no change,
 * and neither is putting right what somebody else did to the Secret.
 */
async function restartMarks({ target, owner, hash, now }: ContentWrite, digests: Content['digests'], live: ManagedSecret | undefined): Promise<Record<string, string>> {
  if (target.restart === undefined || target.restart.length === 0) return {};
  const wanted = await hash(restartParts(target, owner, { type: '', digests, labels: undefined, annotations: undefined }));
  const before = valueOf(live?.metadata.annotations, marks.restartHash);
  const changed = before === undefined ? live !== undefined && contentDigest(live.digests) !== contentDigest(digests) : before !== wanted;
  const at = changed ? now.toISOString() : valueOf(live?.metadata.annotations, marks.contentChanged);
  return { [marks.restartHash]: wanted, ...(at === undefined ? {} : { [marks.contentChanged]: at }) };
}
