import type { Reason } from '../api/reasons.ts';

/**
 * What is stored of one object name in a vault: the head. Format 1, described for outsiders in docs/records.md.
 *
 * A name holds either a certificate, whose managed key and secret are its versions' fields, or an independent secret
 * (decisions 6). Each kind has its own deletion state and versions. Times are RFC 3339 in UTC.
 */

export type ObjectKind = 'secret' | 'certificate';

/** Who declares the object, and all that its deletion will need once the resource is gone (decisions 8). */
export interface Declaration {
  readonly kind: 'VaultSecret' | 'VaultCertificate';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly deletionPolicy: 'Delete' | 'Retain';
  /** Generation whose `createMode: Recover` was carried out; it acts once (decisions 37). */
  readonly recoveredAt?: number;
  readonly target?: TargetState;
}

/** The Kubernetes Secret that was last written for the object (decisions 50). */
export interface TargetState {
  readonly namespace: string;
  readonly name: string;
  /** Set where no ownerReference says whose the Secret is: other namespaces, Orphan, Retain. */
  readonly uid?: string;
  readonly creationPolicy: 'Owner' | 'Merge' | 'Orphan';
  readonly deletionPolicy: 'Delete' | 'Retain';
  /** The version that was current when the target was set; older ones and it need the consent of an AccessPolicy (decisions 58). */
  readonly sinceVersion?: string;
  /** The spec names another Secret by now; which version was current when it began to (decisions 58). */
  readonly moving?: { readonly namespace: string; readonly name: string; readonly sinceVersion?: string };
}

export interface Attributes {
  readonly enabled: boolean;
  readonly notBefore?: string;
  readonly expires?: string;
}

export interface Deletion {
  readonly at: string;
  readonly scheduledPurge: string;
}

/** What the head says of anything that is sealed: enough to find it, and to see that it is the right one. */
export interface SealedHead {
  /** 32 hex characters. */
  readonly id: string;
  /** SHA-256 of the blob, hex. */
  readonly blob: string;
  /** Length of the blob in bytes. */
  readonly size: number;
  /** Which vault key wraps its data key; moves when rewrapped. */
  readonly vaultKey: string;
}

export interface VersionHead extends SealedHead {
  readonly created: string;
  /** The uid of the resource that made it; syncing it is "from itself" only for that uid (decisions 1). */
  readonly origin?: string;
  /** Only on certificates. */
  readonly certificate?: CertificateFacts;
}

/** What is public about a certificate version, so that timers and status need not open the blob. */
export interface CertificateFacts {
  readonly serialNumber: string;
  /** SHA-256 of the DER, hex. */
  readonly thumbprint: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Namespace/name of the issuer, and the thumbprint of the certificate that signed (its own for self-signed). */
  readonly issuer: string;
  readonly issuerThumbprint: string;
}

/** An archive record with older versions, named by its content (decisions 11). */
export interface ArchiveHead {
  readonly name: string;
  readonly hash: string;
  readonly versions: readonly string[];
}

interface KindState {
  readonly created: string;
  readonly updated: string;
  readonly attributes: Attributes;
  readonly tags: Readonly<Record<string, string>>;
  readonly declaredBy?: Declaration;
  readonly deleted?: Deletion;
  /** Newest first; the first is current. */
  readonly versions: readonly VersionHead[];
}

export interface SecretState extends KindState {
  readonly contentType?: string;
  /** HMAC over the inputs of the current version (generator or source content): equal means nothing to do. */
  readonly inputs?: string;
}

/**
 * One run of getting a certificate. In-process issuers open and complete it in one write, so that it is never seen
 * `inProgress`; one that goes outside stays in the record between its steps, and whoever leads goes on with it (DESIGN §3).
 */
export interface PendingOperation {
  readonly id: string;
  readonly state: 'inProgress' | 'completed' | 'cancelled' | 'failed';
  readonly openedAt: string;
  readonly closedAt?: string;
  readonly reason: string;
  /** Why it failed: shown in status, from here and not from there. */
  readonly error?: { readonly code: Reason; readonly message: string };
  /** For whom and for what, as long as it matters: while it is in progress, and after somebody cancelled it. */
  readonly request?: OperationRequest;
  /** Only while it is in progress. */
  readonly pending?: PendingCertificate;
}

/** What an operation was opened for. As soon as anything else is wanted, it is void. */
export interface OperationRequest {
  /** The uid of the resource; becomes the origin of the version. */
  readonly requester: string;
  /** HMAC over what was asked for, the issuer's name included. */
  readonly inputs: string;
}

/** A certificate that is not there yet. */
export interface PendingCertificate {
  /** The version that it will be. Its blob, with the private key, lies beside those of the versions. */
  readonly version: SealedHead;
  /** PKCS#10, PEM; public. */
  readonly csr: string;
  /** What the issuer itself needs to go on; each type of issuer has its own words. Public. */
  readonly issuerState: Readonly<Record<string, string>>;
}

export interface CertificateState extends KindState {
  readonly revision: number;
  readonly operation?: PendingOperation;
  /** When the current version is due to be replaced: one persisted, spread instant. */
  readonly renewalDue?: string;
  /** HMAC over the request that the current version was issued for. */
  readonly inputs?: string;
  /** SHA-256, hex, of the last value of the annotation `keystead.dev/renew` that was carried out. */
  readonly renewHandled?: string;
  /** Failed attempts since the last success, when the next one is due, and what was tried: something else is tried at once. */
  readonly failures?: { readonly count: number; readonly nextAttempt: string; readonly attempt: string };
  /** Issues within the last hour, those of one minute together: the hard limit counts them. */
  readonly recentIssues: readonly { readonly first: string; readonly last: string; readonly count: number }[];
  /** Roots that older leaves still chain to, kept in ca.crt until the last of them has expired. */
  readonly previousRoots?: readonly { readonly pem: string; readonly until: string }[];
}

export interface ObjectHead {
  readonly vaultId: string;
  /** As first spelled; compared in lower case everywhere. */
  readonly name: string;
  /** Random, made with the record; counters are compared within one incarnation only (decisions 55). */
  readonly incarnation: string;
  /** Grows by one with every write. */
  readonly counter: number;
  readonly secret?: SecretState;
  readonly certificate?: CertificateState;
  readonly archives: readonly ArchiveHead[];
}

/** The blob of one version: what is public, and the sealed fields. */
export interface VersionBlob {
  readonly public: Readonly<Record<string, string>>;
  readonly dataKey: { readonly vaultKey: string; readonly salt: string; readonly wrapped: string };
  readonly fields: Readonly<Record<string, string>>;
}

/** All versions of both kinds, newest first within a kind. */
export function allVersions(head: ObjectHead): readonly VersionHead[] {
  return [...(head.secret?.versions ?? []), ...(head.certificate?.versions ?? [])];
}

/** Everything that has a blob: the versions, and one that is still waiting for its certificate. */
export function allSealed(head: ObjectHead): readonly SealedHead[] {
  const pending = head.certificate?.operation?.pending?.version;
  return pending === undefined ? allVersions(head) : [...allVersions(head), pending];
}

/** The state of one kind, if the name holds one. */
export function stateOf(head: ObjectHead, kind: ObjectKind): SecretState | CertificateState | undefined {
  return kind === 'secret' ? head.secret : head.certificate;
}

/** Whether everything of that name is deleted. */
export function isTombstone({ secret, certificate }: ObjectHead): boolean {
  return [secret, certificate].every((state) => state === undefined || state.deleted !== undefined);
}

/** Whether JSON has the shape that is read before its MAC is checked; what it says is believed only afterwards. */
export function isObjectHead(head: object): head is ObjectHead {
  const { vaultId, name, incarnation, counter, archives, secret, certificate } = head as Partial<ObjectHead>;
  const strings = [vaultId, name, incarnation].every((part) => typeof part === 'string');
  const states = [secret, certificate].every((state) => state === undefined || Array.isArray(state?.versions));
  if (!strings || typeof counter !== 'number' || !Array.isArray(archives) || !states) return false;
  const pending = certificate?.operation?.pending;
  const sealed = [...(secret?.versions ?? []), ...(certificate?.versions ?? []), ...(pending === undefined ? [] : [pending?.version])];
  return sealed.every((one) => typeof one?.id === 'string' && typeof one.blob === 'string') &&
    archives.every((archive: Partial<ArchiveHead> | null) => Array.isArray(archive?.versions));
}
