import { stringify } from 'yaml';
import { z } from 'zod';
import type { Generator } from '../generators.ts';
import { chartValues } from './values.ts';

const FOLDER = 'charts/keystead';
const SOURCE = 'Generated from tools/generate/chart/values.ts by npm run generate. Do not edit.';

/** values.yaml, the schema that Helm holds values to, and the chart's README with the same in a table. */
export function chartValuesFiles(): Generator {
  return {
    name: 'Chart values',
    render: () => {
      const schema = asSchema(z.toJSONSchema(chartValues, { target: 'draft-07', io: 'input' }));
      return new Map([
        [`${FOLDER}/values.yaml`, `# ${SOURCE}\n\n${yamlOf(schema, '')}`],
        [`${FOLDER}/values.schema.json`, `${JSON.stringify({ $comment: SOURCE, ...withoutDefaultsBelow(schema) }, undefined, 2)}\n`],
        [`${FOLDER}/README.md`, readme(schema)],
      ]);
    },
  };
}

type Schema = { readonly [keyword: string]: unknown };

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** Defaults stand in values.yaml; in the schema they would be a second place, which Helm does not read. */
function withoutDefaultsBelow(schema: Schema): Schema {
  const { default: _default, ...rest } = schema;
  if (rest['properties'] === undefined) return rest;
  const properties = Object.entries(asSchema(rest['properties'])).map(([name, property]) => [name, withoutDefaultsBelow(asSchema(property))]);
  return { ...rest, properties: Object.fromEntries(properties) };
}

interface Property {
  readonly name: string;
  readonly schema: Schema;
}

function propertiesOf(schema: Schema): readonly Property[] {
  return Object.entries(asSchema(schema['properties'])).map(([name, property]) => ({ name, schema: asSchema(property) }));
}

/** A part of its own in values.yaml and not a value as a whole. */
function isSection(schema: Schema): boolean {
  return propertiesOf(schema).length > 0;
}

function yamlOf(schema: Schema, indent: string): string {
  return propertiesOf(schema)
    .filter(({ schema: property }) => isSection(property) || 'default' in property)
    .map(({ name, schema: property }) => {
      const comment = commentOf(property, indent);
      if (isSection(property)) return `${comment}${indent}${name}:\n${yamlOf(property, `${indent}  `)}`;
      const value = stringify({ [name]: property['default'] }, { lineWidth: 0 });
      return comment + value.replaceAll(/^(?=.)/gm, indent);
    })
    .join(indent === '' ? '\n' : '');
}

function commentOf(schema: Schema, indent: string): string {
  const { description } = schema;
  const allowed = Array.isArray(schema['enum']) ? ` One of ${schema['enum'].join(', ')}.` : '';
  const text = `${typeof description === 'string' ? description : ''}${allowed}`.trim();
  return text === '' ? '' : wrap(text, 118 - indent.length).map((line) => `${indent}# ${line}\n`).join('');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function rows(schema: Schema, path: string): string[] {
  return propertiesOf(schema).flatMap(({ name, schema: property }) => {
    if (isSection(property)) return rows(property, `${path}${name}.`);
    const value = property['default'] === undefined ? '' : `\`${JSON.stringify(property['default'])}\``;
    const description = typeof property['description'] === 'string' ? property['description'] : '';
    const allowed = Array.isArray(property['enum']) ? `One of ${property['enum'].join(', ')}.` : '';
    return [`| \`${path}${name}\` | ${value} | ${[description, allowed].filter((text) => text !== '').join(' ').replaceAll('|', String.raw`\|`)} |`];
  });
}

function readme(schema: Schema): string {
  return [
    `<!-- ${SOURCE} -->`,
    '# Keystead chart',
    '',
    'Installs the Keystead operator: its kinds, the guards that hold what RBAC can not express, roles for people, and the',
    'operator itself. Kubernetes 1.32 or newer; one installation a cluster, in a namespace of its own.',
    '',
    '```sh',
    'helm install keystead charts/keystead --namespace keystead-system --create-namespace --set image.repository=REGISTRY/keystead',
    '```',
    '',
    '- The ServiceAccount `keystead-server` has no rights and nothing runs as it yet: guards name it, so the name is taken.',
    '- The Secret `keystead-root-key` is made by the operator and is not part of the release: Helm never changes or removes it.',
    '  Back it up; without it every vault is lost.',
    '- `helm uninstall` leaves kinds and guards in place, and all records in the namespace; install again with the same name',
    '  and namespace and everything goes on. To destroy them for good, see the message when you delete the namespace.',
    '- The ServiceAccounts, roles and guards are generated from the source; [roles.md](../../docs/reference/roles.md) says',
    '  what each role can reach.',
    '',
    '## Values',
    '',
    'Unknown keys are refused.',
    '',
    '| Value | Default | Meaning |',
    '|---|---|---|',
    ...rows(schema, ''),
    '',
  ].join('\n');
}
