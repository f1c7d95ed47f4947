import { fenceGuards } from './fence.ts';
import { grantGuards } from './grant.ts';
import type { Guard, GuardParameters, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from './guard.ts';
import { namespaceGuard } from './namespace.ts';
import { purgeGuard } from './purge.ts';
import { recordGuards } from './records.ts';
import { recoverGuard } from './recover.ts';
import { statusGuard } from './status.ts';

/** Every guard of an installation. Nothing that Keystead promises about access holds while one of them is missing. */
export function guards(parameters: GuardParameters): Guard[] {
  return [
    ...grantGuards(),
    recoverGuard(),
    purgeGuard(parameters),
    statusGuard(parameters),
    ...fenceGuards(parameters),
    ...recordGuards(parameters),
    namespaceGuard(parameters),
  ];
}

/**
 * The objects to apply, policies first: a binding without its policy is refused by nobody, but a policy without its
 * binding must not be taken for a guard.
 */
export function guardObjects(parameters: GuardParameters): Array<ValidatingAdmissionPolicy | ValidatingAdmissionPolicyBinding> {
  const all = guards(parameters);
  return [...all.map((one) => one.policy), ...all.map((one) => one.binding)];
}
