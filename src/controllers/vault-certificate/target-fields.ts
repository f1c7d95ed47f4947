/** What a certificate's target holds without a template; templates see the same fields. */
export interface CertificateFields {
  /** The leaf and the intermediates, in order. */
  readonly chainPem: string;
  /** Every root that is needed to verify it and its peers, old ones included. */
  readonly rootsPem: string;
  /** PKCS#8 in PEM; undefined when the key must not leave the vault. */
  readonly privateKey: Buffer | undefined;
}

/** Keys of a Secret of type kubernetes.io/tls, and the roots beside them. The buffers are the caller's to overwrite. */
export function targetFields({ chainPem, rootsPem, privateKey }: CertificateFields): Map<string, Buffer> {
  const fields = new Map<string, Buffer>([['tls.crt', Buffer.from(chainPem)]]);
  if (privateKey !== undefined) fields.set('tls.key', privateKey);
  fields.set('ca.crt', Buffer.from(rootsPem));
  return fields;
}
