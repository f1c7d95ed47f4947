import type { ControlPlane } from '../../src/cli/dev/control-plane.ts';
import type { Secret } from '../../src/kube/kinds.ts';
import { resources } from '../../src/kube/resource.ts';
import { parseDocument, type RecordDocument } from '../../src/vault/codec.ts';
import { clientOf } from './admin.ts';
import { OPERATOR_NAMESPACE } from './operator.ts';

/**
 * One record as it lies in the store, for somebody who has stolen the operator's ServiceAccount: the guard lets nobody
 * else write it.
 */
export class StoredRecord {
  readonly on: ControlPlane;
  readonly name: string;

  constructor(on: ControlPlane, name: string) {
    this.on = on;
    this.name = name;
  }

  async read(): Promise<Buffer> {
    return Buffer.from((await this.secret()).data?.['record'] ?? '', 'base64');
  }

  async document(): Promise<RecordDocument> {
    return parseDocument(this.name, await this.read());
  }

  async write(body: Buffer | object): Promise<void> {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const client = await this.#client();
    await client.update(resources.secrets, { ...(await this.secret()), data: { record: bytes.toString('base64') } });
  }

  async remove(): Promise<void> {
    await (await this.#client()).delete(resources.secrets, this.#at);
  }

  /** The whole Secret, as a backup has it. */
  async secret(): Promise<Secret> {
    return (await this.#client()).get(resources.secrets, this.#at);
  }

  /** Creates it again from a backup. */
  async restore({ type = '', data = {}, metadata: { labels = {} } }: Secret): Promise<void> {
    await (await this.#client()).create(resources.secrets, { metadata: { ...this.#at, labels }, type, data });
  }

  #client(): ReturnType<typeof clientOf> {
    return clientOf({ serviceAccount: 'keystead-operator', namespace: OPERATOR_NAMESPACE }, this.on);
  }

  get #at(): { readonly namespace: string; readonly name: string } {
    return { namespace: OPERATOR_NAMESPACE, name: this.name };
  }
}
