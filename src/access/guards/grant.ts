import { annotations, group } from '../../api/names.ts';
import { mayDo, namespaceTerminating, specDiffers, text, unchanged, valueAt } from './cel.ts';
import type { Guard } from './guard.ts';
import { guard } from './guard.ts';

/**
 * Whatever gives somebody contents of a vault needs the verb `grant` on that Vault, so that being allowed every ordinary
 * verb on every kind never lets anyone help himself (DESIGN §3). Besides AccessPolicies these are the fields that are
 * grants in disguise (decisions 17, 43, 44). RBAC's `verbs: ["*"]` includes `grant`; the security model says so.
 */
export function grantGuards(): Guard[] {
  return [accessPolicies(), vaults(), issuers(), objects()];
}

/** The sender holds `grant` on the Vault that the CEL expression names, in the request's namespace. */
function holdsGrant(vault: string): string {
  return mayDo('grant', { resource: 'vaults', namespace: 'request.namespace', name: vault });
}

/** CEL text: what is refused, why, and whom to ask. `vault` is a CEL expression for its name. */
function needsGrant(what: string, vault: string): string {
  return (
    `'${what} needs the verb "grant" on vaults.keystead.dev "' + ${vault} + '" in namespace "' + request.namespace + '". ` +
    `Ask somebody who holds it to make this change, or to give it to you with a Role.'`
  );
}

function accessPolicies(): Guard {
  return guard({
    name: 'keystead-grant-accesspolicies',
    scope: { apiGroup: group, resources: ['accesspolicies'], operations: ['CREATE', 'UPDATE', 'DELETE'] },
    matchConditions: [
      { name: 'spec-changes', expression: "request.operation != 'UPDATE' || object.spec != oldObject.spec" },
      // Taking an Allow away lets nobody in; taking a Deny away does.
      { name: 'deletes-only-deny', expression: `request.operation != 'DELETE' || ${valueAt('oldObject', ['spec', 'effect'], "'Allow'")} == 'Deny'` },
    ],
    variables: [
      { name: 'vault', expression: "(request.operation == 'DELETE' ? oldObject : object).spec.vaultRef.name" },
      { name: 'oldVault', expression: "(request.operation == 'CREATE' ? object : oldObject).spec.vaultRef.name" },
    ],
    validations: [
      {
        // The namespace controller has no `grant`, and a namespace that goes takes its vaults with it (a vault that is
        // going answers 403 to all, so a Deny that goes first opens nothing: decisions 39).
        expression:
          `(request.operation == 'DELETE' && ${namespaceTerminating}) || ` +
          `(${holdsGrant('variables.vault')} && (variables.oldVault == variables.vault || ${holdsGrant('variables.oldVault')}))`,
        messageExpression: needsGrant('Creating or changing an AccessPolicy, or deleting one with effect Deny,', 'variables.vault'),
      },
    ],
  });
}

/**
 * Where backups may be restored, under which names a vault answers, from where, what is logged, under which keys
 * (decisions 17). The list is longer than today's schema, so that a field is guarded from the day that it exists; the
 * literal is its empty value, which the schema's defaults may fill in and which grants nothing.
 */
const guardedVaultFields = [
  [['backup'], '{}'],
  [['endpoint', 'hostNames'], '[]'],
  [['network'], '{}'],
  [['audit'], '{}'],
  [['encryption'], '{}'],
] as const;

/** Each rotation adds a key to the vault's record for ever, so asking for one by annotation is guarded like the schedule. */
const rotation = `metadata.?annotations[?${text(annotations.rotateVaultKey)}]`;

function vaults(): Guard {
  const set = guardedVaultFields.map(([path, empty]) => `${valueAt('object', ['spec', ...path], empty)} != ${empty}`);
  const differs = guardedVaultFields.map(([path, empty]) => `!(${unchanged(['spec', ...path], empty)})`);
  const created = [...set, `object.${rotation}.hasValue()`].join(' || ');
  const updated = [...differs, `object.${rotation} != oldObject.${rotation}`].join(' || ');
  return guard({
    name: 'keystead-grant-vaults',
    scope: { apiGroup: group, resources: ['vaults'], operations: ['CREATE', 'UPDATE'] },
    matchConditions: [{ name: 'guarded-field', expression: `request.operation == 'CREATE' ? (${created}) : (${updated})` }],
    validations: [
      {
        expression: holdsGrant('object.metadata.name'),
        messageExpression: needsGrant(
          `Setting or changing spec.backup, spec.endpoint.hostNames, spec.network, spec.audit, spec.encryption or the annotation ${annotations.rotateVaultKey} of a Vault`,
          'object.metadata.name',
        ),
      },
    ],
  });
}

/** An issuer uses keys of a vault: who makes one, or opens it to other namespaces, lends them out (decisions 44). */
function issuers(): Guard {
  const changed = ['ca', 'vaultRef', 'allowedNamespaces'].map(specDiffers).join(' || ');
  return guard({
    name: 'keystead-grant-vaultissuers',
    scope: { apiGroup: group, resources: ['vaultissuers'], operations: ['CREATE', 'UPDATE'] },
    matchConditions: [{ name: 'guarded-field', expression: `request.operation == 'CREATE' || ${changed}` }],
    variables: [
      { name: 'now', expression: vaultsOfIssuer('object') },
      { name: 'before', expression: `request.operation == 'UPDATE' ? ${vaultsOfIssuer('oldObject')} : []` },
      { name: 'vaults', expression: 'variables.now + variables.before.filter(vault, !(vault in variables.now))' },
    ],
    validations: [
      {
        expression: `variables.vaults.all(vault, ${holdsGrant('vault')})`,
        // Which of them is refused can't be said: there is no authorizer in a messageExpression.
        messageExpression: needsGrant('Creating a VaultIssuer that uses a vault, or changing its ca, vaultRef or allowedNamespaces,', `variables.vaults.join('", "')`),
      },
    ],
  });
}

/** CEL: the names of the vaults whose keys an issuer uses; none for one that only lets certificates sign themselves. */
function vaultsOfIssuer(root: string): string {
  const own = `has(${root}.spec.vaultRef) ? [${root}.spec.vaultRef.name] : []`;
  const ofCa = `has(${root}.spec.ca) && has(${root}.spec.ca.vaultRef) ? [${root}.spec.ca.vaultRef.name] : []`;
  return `((${own}) + (${ofCa}))`;
}

/** Taking over or recovering what another resource or a person put into a vault (decisions 43). */
function objects(): Guard {
  const takes = `object.spec.?adopt.orValue(false) == true || ${valueAt('object', ['spec', 'createMode'], "'Default'")} == 'Recover'`;
  // Which object is taken is part of the consent: otherwise a consent to one would do for any other.
  const changed = ['adopt', 'createMode', 'objectName', 'vaultRef'].map(specDiffers).join(' || ');
  return guard({
    name: 'keystead-grant-objects',
    scope: { apiGroup: group, resources: ['vaultsecrets', 'vaultcertificates'], operations: ['CREATE', 'UPDATE'] },
    matchConditions: [
      { name: 'takes-over', expression: takes },
      { name: 'guarded-field', expression: `request.operation == 'CREATE' || ${changed}` },
    ],
    validations: [
      {
        expression: holdsGrant('object.spec.vaultRef.name'),
        messageExpression: needsGrant('Setting adopt: true or createMode: Recover', 'object.spec.vaultRef.name'),
      },
    ],
  });
}
