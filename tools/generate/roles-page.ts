import { predefinedRoles, type PredefinedRole } from '../../src/operator/predefined-roles.ts';
import type { Generator } from './generators.ts';

/** `docs/reference/roles.md`: the predefined roles, with what a holder can reach. */
export function rolesPage(): Generator {
  return { name: 'Roles', render: () => new Map([['docs/reference/roles.md', page()]]) };
}

function page(): string {
  return [
    '<!-- Generated from src/operator/predefined-roles.ts by npm run generate. Do not edit. -->',
    '# Roles',
    '',
    'The chart installs these ClusterRoles for people. A user without the verb `grant` opens nothing but what is declared by',
    'a resource that he may create or edit; so editing a VaultSecret or a VaultCertificate is having what it declares.',
    '',
    '| Role | For whom | What a holder can reach | Part of | Bind with |',
    '|---|---|---|---|---|',
    ...predefinedRoles.map(
      ({ name, purpose, reach, aggregateTo, bind }) => `| \`${name}\` | ${purpose} | ${reach} | ${aggregateTo === undefined ? 'nothing' : `\`${aggregateTo}\``} | ${bind} |`,
    ),
    '',
    '"Part of" is the built-in role whose holders have it without a binding of its own (`rbac.aggregateRoles` of the chart);',
    '`edit` contains `view`, and `admin` contains both. Nothing that reaches contents is part of a built-in role. To give an',
    'officer\'s role to a team:',
    '',
    '```sh',
    'kubectl -n team-a create rolebinding secrets-officers --clusterrole=keystead-secrets-officer --group=team-a',
    '```',
    '',
    'None of these roles has a wildcard, writes a status, reads a Secret or deletes whole collections. `verbs: ["*"]` in a role',
    'of your own includes `grant`, `recover` and `purge`. Nobody can write a Role with a verb that he does not hold himself',
    '(RBAC refuses it), so `grant` is handed on only by those who have it.',
    '',
    '## Rules',
    '',
    '| Role | Resources of keystead.dev | Verbs |',
    '|---|---|---|',
    ...predefinedRoles.flatMap(rules),
    '',
  ].join('\n');
}

function rules({ name, rules: all }: PredefinedRole): string[] {
  return all.map(({ resources, verbs }) => `| \`${name}\` | ${(resources ?? []).join(', ')} | ${verbs.join(', ')} |`);
}
