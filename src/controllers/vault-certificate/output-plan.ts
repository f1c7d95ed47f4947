import { formatKeys, type Outputs } from '../../api/outputs.ts';
import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import type { Profile } from '../../crypto/pkcs12/protect.ts';
import type { PasswordReference } from './passwords.ts';

/** A keystore and its truststore; `Password` is a reference to one, and later one that was found. */
export interface PlannedStore<Password> {
  readonly format: 'jks' | { readonly pkcs12: Profile };
  readonly alias: string;
  readonly keystoreKey: string;
  readonly truststoreKey: string;
  /** Undefined: the one that the vault makes. */
  readonly password: Password | undefined;
}

/** The further keys of a target, all defaults filled in. */
export interface OutputPlan<Password = PasswordReference> {
  readonly formats: readonly { readonly type: keyof typeof formatKeys; readonly key: string }[];
  readonly stores: readonly PlannedStore<Password>[];
  /** The password that the vault makes, if a store needs it. */
  readonly ownPassword: { readonly key: string; readonly revision: number } | undefined;
}

/** Undefined where a target has nothing but its fields. */
export function outputPlan(namespace: string, spec: Pick<VaultCertificateSpec, 'target' | 'vaultRef'>): OutputPlan | undefined {
  const { additionalOutputFormats = [], keystores } = spec.target ?? {};
  const stores = keystores === undefined ? [] : plannedStores(keystores, (ref) => ({ namespace, vault: spec.vaultRef.name, ...ref }));
  if (additionalOutputFormats.length === 0 && stores.length === 0) return undefined;
  const needsOwn = stores.some(({ password }) => password === undefined);
  return {
    formats: additionalOutputFormats.map(({ type, key }) => ({ type, key: key ?? formatKeys[type] })),
    stores,
    ownPassword: keystores !== undefined && needsOwn ? { key: keystores.passwordKey, revision: keystores.passwordRevision } : undefined,
  };
}

type Keystores = NonNullable<Outputs['keystores']>;
type WrittenReference = NonNullable<NonNullable<Keystores['jks']>['passwordSecretRef']>;

function plannedStores({ pkcs12, jks }: Keystores, refer: (ref: WrittenReference) => PasswordReference): readonly PlannedStore<PasswordReference>[] {
  const planned = (format: PlannedStore<never>['format'], { alias, keystoreKey, truststoreKey, passwordSecretRef }: NonNullable<Keystores['jks']>): PlannedStore<PasswordReference> =>
    ({ format, alias, keystoreKey, truststoreKey, password: passwordSecretRef === undefined ? undefined : refer(passwordSecretRef) });
  return [
    ...(pkcs12?.create === true ? [planned({ pkcs12: pkcs12.profile }, pkcs12)] : []),
    ...(jks?.create === true ? [planned('jks', jks)] : []),
  ];
}

/** The same plan with each password found. */
export function withPasswords<Password>(plan: OutputPlan, find: (reference: PasswordReference) => Password): OutputPlan<Password> {
  return { ...plan, stores: plan.stores.map((store) => ({ ...store, password: store.password === undefined ? undefined : find(store.password) })) };
}
