import type { VaultCertificateSpec } from '../../api/vault-certificate.ts';
import { publicKeyThumbprint } from '../../crypto/keys.ts';
import { publicKeyOfOwnCsr } from '../../crypto/x509/make-csr.ts';
import { bundleCaps, parsePemCertificates } from '../../crypto/x509/pem.ts';
import type { VersionHead } from '../../vault/object-record.ts';
import { madeByItself } from '../target/consent.ts';
import { recordedTarget, sinceVersionOf } from '../target/recorded-target.ts';
import type { Gathered } from './facts.ts';
import type { OpenOperation } from './open-operation.ts';

/** Whether the current version itself may be, or is, in the target that the spec names now. */
export function mayReachTarget({ target }: Pick<VaultCertificateSpec, 'target'>, { head, resource, mayUseForeignVersions }: Gathered, version: VersionHead): boolean {
  if (target === undefined || mayUseForeignVersions) return true;
  const state = head?.certificate;
  const sinceVersion = sinceVersionOf(recordedTarget(state, target, 'own'), target);
  return madeByItself({ uid: resource.uid, version, versions: state?.versions ?? [], ...(sinceVersion === undefined ? {} : { sinceVersion }) });
}

/**
 * Whether an operation was opened with the key of the current version, which may not be written to the target that the spec
 * names by now: in the version that comes of it, it would get there all the same (decisions 58).
 */
export function bringsOldKey(facts: Gathered, { pending }: OpenOperation): boolean {
  const current = facts.head?.certificate?.versions[0];
  if (current === undefined || mayReachTarget(facts.spec, facts, current)) return false;
  const [leaf] = facts.currentChain === undefined ? [] : parsePemCertificates(facts.currentChain.chainPem, bundleCaps);
  return leaf !== undefined && publicKeyThumbprint(leaf.publicKey) === publicKeyThumbprint(publicKeyOfOwnCsr(pending.csr));
}
