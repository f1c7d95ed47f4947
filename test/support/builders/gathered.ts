import type { Gathered, IssuerView } from '../../../src/controllers/vault-certificate/facts.ts';
import { certificateHead, certificateState, hoursLater } from './certificate-state.ts';
import { certificateSpec } from './vault-certificate.ts';

/** A CA that can sign, and will for another year. */
export const readyCa: IssuerView = { kind: 'ca', versionId: 'ca-1', notAfter: hoursLater(9000), changesAt: undefined, allowSubordinates: false };

/** What is known of `team/web` an hour after its certificate was issued: all is well. */
export function gathered(parts: Partial<Gathered> = {}): Gathered {
  return {
    resource: { namespace: 'team', name: 'web', uid: 'uid-web', generation: 1, renewRequest: undefined, cancelRequest: undefined },
    spec: certificateSpec(),
    vaultId: 'vault-1',
    head: certificateHead(),
    inputs: 'inputs-1',
    importing: undefined,
    issuer: readyCa,
    answer: undefined,
    currentChain: undefined,
    mayUseForeignVersions: false,
    otherAdopts: false,
    now: hoursLater(1),
    clocksAgree: true,
    clockTrusted: true,
    ...parts,
  };
}

/** The same with a changed certificate in the record. */
export function gatheredWith(state: Parameters<typeof certificateState>[0], parts: Partial<Gathered> = {}): Gathered {
  return gathered({ head: certificateHead(certificateState(state)), ...parts });
}
