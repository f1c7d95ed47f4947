import { KeysteadError } from '../../api/error.ts';
import { exportPrivateKey } from '../../crypto/keys.ts';
import { createCsr } from '../../crypto/x509/make-csr.ts';
import { stateOfCsr } from '../../issuers/external/csr-state.ts';
import { newVersionId, type PendingKey } from '../../vault/blobs.ts';
import type { Caller } from '../../vault/context.ts';
import type { World } from '../world.ts';
import type { Gathered } from './facts.ts';
import type { Subject } from './gather.ts';
import { reusableKey } from './issue.ts';
import { requestOf } from './request.ts';

/**
 * Makes the key and the CSR of an operation that goes outside. Nothing of it is in force before it is in the record.
 * @returns the error when what is asked for cannot be a CSR, which is a failed attempt
 */
export async function makeCsr(world: World, subject: Subject, facts: Gathered, caller: Caller): Promise<PendingKey | KeysteadError> {
  try {
    const request = requestOf(subject.spec);
    const key = (await reusableKey(world, subject, facts, caller)) ?? (await world.keys.generate(request.keyAlgorithm, subject.signal));
    const { pem } = createCsr(request, key);
    return { id: newVersionId(world.random), csr: pem, issuerState: stateOfCsr(world.identity, facts.resource, pem), privateKey: Buffer.from(exportPrivateKey(key)) };
  } catch (error) {
    if (error instanceof KeysteadError && error.consequence !== 'retry') return error;
    throw error;
  }
}
