import { fenceGuards } from './fence.ts';
import { grantGuards } from './grant.ts';
import { neverTargets, type Guard, type GuardParameters, type ValidatingAdmissionPolicy, type ValidatingAdmissionPolicyBinding } from './guard.ts';
import { namespaceGuard } from './namespace.ts';
import { purgeGuard } from './purge.ts';
import { recordGuards } from './records.ts';
import { recoverGuard } from './recover.ts';
import { statusGuard } from './status.ts';

/**
 * Every guard of an installation. Nothing that Keystead promises about access holds while one of them is missing.
 * @throws RangeError if the parameters would open what no deployment may open.
 */
export function guards(parameters: GuardParameters): Guard[] {
  const forbidden = parameters.targetTypes.find((type) => neverTargets.includes(type) || type.startsWith('keystead.dev/'));
  if (forbidden !== undefined) {
    throw new RangeError(`Secrets of type ${forbidden} can never be targets: remove it from the target types of the deployment`);
  }
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
