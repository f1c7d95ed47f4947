import { structuralSchema, type CustomResource, type JsonSchema } from '../../src/api/crd.ts';
import { apiVersion } from '../../src/api/names.ts';
import type { Generator } from './generators.ts';

/** `docs/reference/<kind>.md`: every field of a kind, with type, default, limits and the rules that the API server holds. */
export function fieldReference(kinds: readonly CustomResource[]): Generator {
  return {
    name: 'Field reference',
    render: () => new Map(kinds.map((kind) => [`docs/reference/${kind.singular}.md`, page(kind)])),
  };
}

interface Field {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

function page(kind: CustomResource): string {
  const spec = fields(structuralSchema(kind.spec), 'spec');
  const status = fields(structuralSchema(kind.status), 'status');
  const ruleLines = [...kind.rules.map((rule) => `- ${rule.message}`), ...spec.flatMap(({ path, schema }) => rulesOf(schema).map((rule) => `- \`${path}\`: ${String(rule['message'])}`))];
  return [
    '<!-- Generated from src/api by npm run generate. Do not edit. -->',
    `# ${kind.kind}`,
    '',
    kind.description,
    '',
    `\`apiVersion: ${apiVersion}\`, \`kind: ${kind.kind}\`; ${kind.scope === 'Cluster' ? 'cluster-scoped' : 'namespaced'}; \`kubectl get ${kind.plural}\`, short \`${kind.shortNames.join('`, `')}\`; part of \`kubectl get keystead\`.`,
    ...(kind.selectableFields.length === 0 ? [] : ['', `Selectable with \`--field-selector\`: ${kind.selectableFields.map((path) => `\`${path.slice(1)}\``).join(', ')}.`]),
    '', '## Spec', '', ...table(spec.slice(1)),
    ...(ruleLines.length === 0 ? [] : ['', '## What the API server refuses', '', ...new Set(ruleLines)]),
    '', '## Status', '', describe(status[0]?.schema ?? {}), '', ...table(status.slice(1)),
    '',
  ].join('\n');
}

function table(rows: readonly Field[]): string[] {
  return rows.length === 0 ? ['None.'] : [
    '| Field | Type | Default | Meaning |',
    '|---|---|---|---|',
    ...rows.map(({ path, schema, required }) => `| \`${path}\` | ${cell(typeOf(schema))} | ${cell(required ? '**required**' : defaultOf(schema))} | ${cell(describe(schema))} |`),
  ];
}

/** A schema and all below it, in the order in which they were written. `[]` is an item of a list, `.*` a value of a map. */
function fields(schema: JsonSchema, path: string, required = false): Field[] {
  const below: Field[] = [];
  const requiredNames = Array.isArray(schema['required']) ? schema['required'] : [];
  for (const [name, property] of Object.entries(asSchema(schema['properties']))) {
    below.push(...fields(asSchema(property), `${path}.${name}`, requiredNames.includes(name)));
  }
  const items = asSchema(schema['items']);
  if (Object.keys(asSchema(items['properties'])).length > 0) {
    below.push(...fields(items, `${path}[]`).slice(1));
  }
  return [{ path, schema, required }, ...below];
}

function typeOf(schema: JsonSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return 'integer or string';
  }
  if (Array.isArray(schema['enum'])) {
    return schema['enum'].map((value) => `\`${String(value)}\``).join(', ');
  }
  if (schema['type'] === 'array') {
    return `list of ${itemType(asSchema(schema['items']))}${limits([['maxItems', 'at most']], schema)}`;
  }
  if (schema['type'] === 'object' && schema['additionalProperties'] !== undefined) {
    return `map of strings${limits([['maxProperties', 'at most']], schema)}`;
  }
  const name = schema['format'] === 'date-time' ? 'time (RFC 3339)' : String(schema['type']);
  return name + limits([['minimum', 'from'], ['maximum', 'to'], ['maxLength', 'at most']], schema['format'] === 'date-time' ? {} : schema);
}

function itemType(items: JsonSchema): string {
  return Array.isArray(items['enum']) ? typeOf(items) : `${String(items['type'])}s`;
}

function limits(words: readonly (readonly [keyword: string, word: string])[], schema: JsonSchema): string {
  const said = words.filter(([keyword]) => schema[keyword] !== undefined).map(([keyword, word]) => `${word} ${String(schema[keyword])}`);
  return said.length === 0 ? '' : `, ${said.join(' ')}`;
}

function defaultOf(schema: JsonSchema): string {
  const value = schema['default'];
  return value === undefined || typeof value === 'object' ? '' : `\`${JSON.stringify(value)}\``;
}

function describe(schema: JsonSchema): string {
  return typeof schema['description'] === 'string' ? schema['description'] : '';
}

function rulesOf(schema: JsonSchema): JsonSchema[] {
  const own = schema['x-kubernetes-validations'];
  const ofItems = asSchema(schema['items'])['x-kubernetes-validations'];
  return [own, ofItems].flatMap((found) => (Array.isArray(found) ? found.map(asSchema) : []));
}

function asSchema(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** `|` would end the cell, and `<` would begin HTML. */
function cell(markdown: string): string {
  return markdown.replaceAll('|', String.raw`\|`).replaceAll(/<(?=[a-z])/g, '&lt;');
}
