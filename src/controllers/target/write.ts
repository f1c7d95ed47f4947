import { createHash } from 'node:crypto';
import type { KubeClient } from '../../kube/client.ts';
import { ApiError, isForbidden, isInvalid, isNamespaceTerminating, isNotFound } from '../../kube/errors.ts';
import type { Informer } from '../../kube/informer.ts';
import type { Secret } from '../../kube/kinds.ts';
import { keyOf, type ObjectName, type ToWrite } from '../../kube/object.ts';
import { resources } from '../../kube/resource.ts';
import { between, type FailAt } from '../../runtime/fail-point.ts';
import type { Log } from '../../runtime/log.ts';
import { terminating } from './consent.ts';
import { describeOwner, type Owner } from './identity.ts';
import { managedSecret, type ManagedSecret } from './managed-secret.ts';
import { refusal, refused } from './refusal.ts';

export interface SecretWriterParts {
  /** Writes only while this process leads. */
  readonly client: KubeClient;
  readonly failAt: FailAt;
  readonly log: Log;
}

/**
 * The writes of targets, each one call between its fail points. Answers are reduced to digests at once and put into the
 * informer's cache, so that nothing is read back. Never decides: every method is for a Secret that `decide.ts` allowed.
 *
 * They throw ApiError and ConnectionError as the client does, but a refusal that is no matter of time becomes a
 * KeysteadError; the API server's words go to the debug log only, because they may quote what was sent.
 */
export class SecretWriter {
  readonly #parts: SecretWriterParts;

  constructor(parts: SecretWriterParts) {
    this.#parts = parts;
  }

  /** POST. @throws ApiError 409 AlreadyExists */
  create(informer: Informer<ManagedSecret>, secret: ToWrite<Secret>, signal: AbortSignal): Promise<ManagedSecret> {
    return this.#write('create', informer, secret.metadata, async () => managedSecret(await this.#parts.client.create(resources.secrets, secret, { signal })));
  }

  /** PUT; the resourceVersion in `secret` makes it a compare-and-swap. @throws ApiError 409 */
  update(informer: Informer<ManagedSecret>, secret: ToWrite<Secret>, signal: AbortSignal): Promise<ManagedSecret> {
    return this.#write('update', informer, secret.metadata, async () => managedSecret(await this.#parts.client.update(resources.secrets, secret, { signal })));
  }

  /**
   * Server-side apply under a manager of the resource's own, never by force: a key that somebody else set stays his.
   * @throws KeysteadError Conflict when somebody else has one of the keys; ApiError 409 when the Secret changed
   */
  async merge(informer: Informer<ManagedSecret>, secret: ToWrite<Secret>, owner: Owner, signal: AbortSignal): Promise<ManagedSecret> {
    try {
      return await this.#write('update', informer, secret.metadata, async () =>
        managedSecret(await this.#parts.client.apply(resources.secrets, secret, { fieldManager: fieldManager(owner), signal })));
    } catch (error) {
      const fields = conflictingFields(error);
      if (fields.length === 0) throw error;
      const message = `Others have set ${fields.join(', ')} in Secret ${keyOf(secret.metadata)}, and Keystead overwrites nothing of theirs. Remove it there, or choose other keys in spec.target.template.data.`;
      throw refused(refusal('Conflict', message, 'wait', 5 * 60_000), error);
    }
  }

  /** Removes exactly this Secret in exactly this state; one that is gone already is fine. @throws ApiError 409 */
  async remove(live: ManagedSecret, signal: AbortSignal): Promise<void> {
    const { uid, resourceVersion } = live.metadata;
    await between(this.#parts.failAt, 'target-delete', async () => {
      try {
        await this.#parts.client.delete(resources.secrets, live.metadata, { uid, resourceVersion, signal });
      } catch (error) {
        if (!isNotFound(error)) throw this.#explain('delete', live.metadata, error);
      }
    });
  }

  /** A consistent read, for the one case in which the cache cannot know: a name that is taken. */
  async read(name: ObjectName, signal: AbortSignal): Promise<ManagedSecret | undefined> {
    try {
      return managedSecret(await this.#parts.client.get(resources.secrets, name, { signal }));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw this.#explain('read', name, error);
    }
  }

  #write(verb: 'create' | 'update', informer: Informer<ManagedSecret>, name: ObjectName, run: () => Promise<ManagedSecret>): Promise<ManagedSecret> {
    return between(this.#parts.failAt, 'target', () =>
      informer.write(keyOf(name), async () => {
        try {
          return await run();
        } catch (error) {
          throw this.#explain(verb, name, error);
        }
      }),
    );
  }

  #explain(verb: string, name: ObjectName, error: unknown): unknown {
    const { namespace = '' } = name;
    if (isNamespaceTerminating(error)) return refused(terminating(namespace), error);
    if (verb === 'create' && isNotFound(error)) {
      return refused(refusal('NamespaceMissing', `There is no namespace ${namespace}. Create it, or correct spec.target.namespace.`, 'wait'), error);
    }
    if (!(isForbidden(error) || isInvalid(error) || (error instanceof ApiError && error.status === 413))) return error;
    this.#parts.log.debug('The API server refused a write of a target', { secret: keyOf(name), verb, error: error.message });
    const why = `The API server did not let Keystead ${verb} Secret ${keyOf(name)} (${error.status} ${error.reason}). See quotas and admission policies of the namespace, and whether the installation covers it.`;
    return refused(refusal('TargetRefused', why, 'retry'), error);
  }
}

/**
 * One manager per resource, since several may merge into one Secret, and each prunes only what it set itself. By name, not
 * by uid: a resource that is deleted and made anew goes on with the keys that it had. At most 128 characters.
 */
export function fieldManager(owner: Owner): string {
  return `keystead/${createHash('sha256').update(describeOwner(owner)).digest('hex').slice(0, 40)}`;
}

/** Which fields belong to others, by the names of keys alone; empty for any other error. */
function conflictingFields(error: unknown): readonly string[] {
  if (!(error instanceof ApiError) || error.status !== 409) return [];
  return (error.details?.causes ?? []).filter(({ reason }) => reason === 'FieldManagerConflict').map(({ field }) => field ?? 'a field');
}
