import type { Identity } from '../../crypto/identity.ts';

/** What an external issuer keeps with a pending operation, in its own words. */
const SIGNATURE = 'csrSignature';

/** What the signature covers: a CSR that was copied to another resource does not verify there. */
export function signedParts(resource: { readonly namespace: string; readonly name: string }, csr: string): readonly string[] {
  return [resource.namespace, resource.name, csr];
}

/**
 * The state of a fresh operation. The signature is kept, for each one that this kind of key makes is another, and status
 * would change with every look.
 */
export function stateOfCsr(identity: Identity, resource: { readonly namespace: string; readonly name: string }, csr: string): Readonly<Record<string, string>> {
  return { [SIGNATURE]: identity.sign('csr', signedParts(resource, csr)) };
}

export function signatureOfCsr(state: Readonly<Record<string, string>>): string | undefined {
  return state[SIGNATURE];
}
