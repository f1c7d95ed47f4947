import { canonicalName } from '../../crypto/canonical.ts';
import { sha256 } from '../../crypto/envelope.ts';
import { writeJks } from '../../crypto/jks/write.ts';
import { exportPrivateKeyDer, importPrivateKey } from '../../crypto/keys.ts';
import { saltsFrom } from '../../crypto/pkcs12/salts.ts';
import { writePkcs12, type Pkcs12Contents } from '../../crypto/pkcs12/write.ts';
import { parsePemCertificates } from '../../crypto/x509/pem.ts';
import type { OutputPlan, PlannedStore } from './output-plan.ts';

/** What makes the outputs of one version of a certificate. */
export interface OutputMaker {
  readonly plan: OutputPlan<string>;
  readonly object: { readonly name: string; readonly incarnation: string };
  readonly created: Date;
  /** HMAC, hex, under a key that only this vault has: `objects.hash(vault, 'keystores', parts)`. */
  readonly secretHash: (parts: readonly string[]) => Promise<string>;
}

/** The same certificate in DER. */
interface Material {
  readonly chain: readonly Buffer[];
  readonly roots: readonly Buffer[];
  /** PKCS#8; undefined when it must not leave the vault. */
  readonly privateKey: Buffer | undefined;
}

/**
 * Makes the further keys of a target from its fields. The same fields, plan and passwords give the same bytes, so that a
 * Secret that has to be written again for another reason shows no other content, and rolls no workload.
 * The buffers are the caller's to overwrite.
 */
export async function makeOutputs(maker: OutputMaker, fields: ReadonlyMap<string, Buffer>): Promise<Map<string, Buffer>> {
  const key = fields.get('tls.key');
  const material: Material = {
    chain: certificatesOf(fields.get('tls.crt')),
    roots: certificatesOf(fields.get('ca.crt')),
    privateKey: key === undefined ? undefined : exportPrivateKeyDer(importPrivateKey(key)),
  };
  const outputs = new Map(encodings(maker.plan, material, fields));
  try {
    const own = await ownPassword(maker);
    if (own !== undefined) outputs.set(own.key, Buffer.from(own.password));
    for (const store of maker.plan.stores) {
      for (const [name, file] of await storeFiles(maker, store, material, store.password ?? own?.password ?? '')) outputs.set(name, file);
    }
    return outputs;
  } catch (error) {
    outputs.forEach((value) => value.fill(0));
    throw error;
  } finally {
    material.privateKey?.fill(0);
  }
}

const certificatesOf = (pem: Buffer | undefined): readonly Buffer[] => (pem === undefined || pem.length === 0 ? [] : parsePemCertificates(pem.toString()).map(({ raw }) => raw));

/** What needs a private key is left out where it must not leave the vault. */
function encodings({ formats }: OutputPlan<string>, { chain, privateKey }: Material, fields: ReadonlyMap<string, Buffer>): readonly (readonly [string, Buffer])[] {
  const pem = [fields.get('tls.key'), fields.get('tls.crt')].filter((part) => part !== undefined);
  const made = { DER: privateKey && Buffer.from(privateKey), CombinedPEM: privateKey && Buffer.concat(pem), CertificateDER: chain[0] && Buffer.from(chain[0]) };
  return formats.flatMap(({ type, key }) => {
    const content = made[type];
    return content === undefined ? [] : [[key, content] as const];
  });
}

/**
 * The password for keystores that name none. It is nowhere stored but in the target: the vault makes the same one again,
 * and nobody else can. It is no secret from those who read the keystore, which lies beside it.
 */
async function ownPassword({ plan, object, secretHash }: OutputMaker): Promise<{ readonly key: string; readonly password: string } | undefined> {
  if (plan.ownPassword === undefined) return undefined;
  const { key, revision } = plan.ownPassword;
  const hash = await secretHash(['password', canonicalName(object.name), object.incarnation, String(revision)]);
  return { key, password: hash.slice(0, 32) };
}

async function storeFiles(maker: OutputMaker, store: PlannedStore<string>, material: Material, password: string): Promise<readonly (readonly [string, Buffer])[]> {
  const { alias, keystoreKey, truststoreKey } = store;
  const { chain, roots, privateKey } = material;
  const trusted = roots.map((certificate, index) => ({ alias: index === 0 ? 'ca' : `ca-${index + 1}`, certificate }));
  return [
    ...(privateKey === undefined ? [] : [[keystoreKey, await storeFile(maker, store, { entry: { alias, privateKey, chain }, trusted: [] }, password)] as const]),
    ...(trusted.length === 0 ? [] : [[truststoreKey, await storeFile(maker, store, { trusted }, password)] as const]),
  ];
}

async function storeFile({ created, secretHash }: OutputMaker, { format }: PlannedStore<string>, contents: Pkcs12Contents, password: string): Promise<Buffer> {
  const { entry, trusted } = contents;
  // Everything that gets into the file: see saltsFrom.
  const certificates = [...(entry?.chain ?? []), ...trusted.map(({ certificate }) => certificate)].map(sha256);
  const names = [entry?.alias ?? '', ...trusted.map(({ alias }) => alias)];
  const key = entry === undefined ? '' : sha256(entry.privateKey);
  const seed = await secretHash(['salts', JSON.stringify([format, created, names, certificates]), key, sha256(password)]);
  const salts = saltsFrom(Buffer.from(seed, 'hex'));
  return format === 'jks' ? writeJks({ ...contents, created }, password, salts) : writePkcs12(contents, { profile: format.pkcs12, password, salts });
}
