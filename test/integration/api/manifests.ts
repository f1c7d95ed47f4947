import { apiVersion } from '../../../src/api/names.ts';

/** Manifests as somebody would write them. Each builder gives the least that is valid; a test adds what it is about. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: object | null;
}

const namespace = 'team-a';

const namespaced = (kind: string, name: string, spec: object | null | undefined): Manifest =>
  ({ apiVersion, kind, metadata: { name, namespace }, ...(spec === undefined ? {} : { spec }) });

export const vault = (spec?: object | null, name = 'shop'): Manifest => namespaced('Vault', name, spec);

export const vaultSecret = (spec: object = {}, name = 'db-password'): Manifest =>
  namespaced('VaultSecret', name, { vaultRef: { name: 'shop' }, ...spec });

export const vaultCertificate = (spec: object = {}, name = 'web'): Manifest =>
  namespaced('VaultCertificate', name, { vaultRef: { name: 'shop' }, issuerRef: { name: 'own-ca' }, commonName: 'web', ...spec });

export const vaultIssuer = (spec: object = { selfSigned: {} }, name = 'own-ca'): Manifest => namespaced('VaultIssuer', name, spec);

export const accessPolicy = (spec: object = { syncTo: ['team-b'] }, name = 'readers'): Manifest =>
  namespaced('AccessPolicy', name, { vaultRef: { name: 'shop' }, ...spec });

export const deletedVault = (spec?: object): Manifest =>
  ({ apiVersion, kind: 'DeletedVault', metadata: { name: 'team-a.shop' }, ...(spec === undefined ? {} : { spec }) });

/** The same manifest without some fields of its spec. */
export function without(manifest: Manifest, ...fields: string[]): Manifest {
  return { ...manifest, spec: Object.fromEntries(Object.entries(manifest.spec ?? {}).filter(([field]) => !fields.includes(field))) };
}
