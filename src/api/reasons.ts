/**
 * Every reason that can stand in a condition, an event or an error, with what it tells a person.
 * One list, so that docs/reference/reasons.md is generated from it and nothing can report what the docs do not explain.
 */
export const reasons = {
  Ready: 'Everything that the resource declares is in place.',
  Reconciling: 'The operator is working on the latest generation.',
  Internal: 'Something unexpected went wrong inside Keystead; it is tried again. The log has the details under the same object.',
  InvalidSpec: 'The spec cannot be read by this release of the operator; the message says which field and why. CRDs and operator are of different releases, or the spec must be corrected.',
  VaultNotFound: 'The Vault that spec.vaultRef names does not exist in this namespace. Create it, or correct the name.',
  VaultNotReady: 'The Vault exists but is not Ready yet; see its conditions.',
  VaultDeleting: 'The Vault is being deleted; its contents answer nobody until it is recovered.',
  Conflict: 'Another resource, object or Secret already holds this name; the message says which. Nothing was touched.',
  RootKeyMissing: 'There are records but no root key. Restore the Secret of the root key; nothing is written until then.',
  RootKeyMismatch: 'The root key is not the one that these records were made under. Restore the right one; nothing is written until then.',
  RecordTampered: 'A stored record was changed by somebody other than Keystead. It is not used. Restore it from a backup.',
  RecordChanged: 'Another process changed the record at the same moment; it is tried again at once.',
  RecordRolledBack: 'A stored record was put back to an older state. It is not used until the roll-back is accepted by name.',
  LimitExceeded: 'A limit of the vault is reached; the message names it. Raise spec.limits or delete what is not needed.',
  ClockUntrusted: 'The local clock and the API server disagree by more than 5 minutes, so nothing irreversible is done by time.',
  GuardMissing: 'A ValidatingAdmissionPolicy that Keystead relies on is missing or altered. Reinstall the chart.',
  BinaryUnavailable: 'A program that keystead dev runs (etcd, the API server, kubectl, helm) is not on this machine and could not be made.',
  ControlPlaneFailed: 'The throw-away API server of keystead dev did not start or ended; the message holds the end of its log.',
} as const;

export type Reason = keyof typeof reasons;
