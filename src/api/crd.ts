import { z } from 'zod';
import { group, version } from './names.ts';
import type { CelRule } from './schema.ts';

/**
 * From a zod schema to a CustomResourceDefinition. zod is the one source: types, defaults, parser, field reference and the
 * schema that the API server holds all come from it.
 */

/** What zod does not say of a kind: how the API server serves it, and how people see it. */
export interface CustomResource {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly scope: 'Namespaced' | 'Cluster';
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  /** `default`: a manifest without spec means all defaults. `required`: it is refused. */
  readonly withoutSpec: 'default' | 'required';
  /** Rules on the whole object; the only place where metadata.name can be seen. */
  readonly rules: readonly CelRule[];
  /** What `kubectl get --field-selector` and watches may select by, beside the name. */
  readonly selectableFields: readonly string[];
  /** Columns of `kubectl get` between Ready and Age. */
  readonly columns: readonly PrinterColumn[];
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  /** 1: only with `-o wide`. */
  readonly priority?: number;
}

/** A JSON schema as it stands in a CRD. */
export type JsonSchema = { [key: string]: unknown };

/** The schema of a part of a kind, structural (KEP-1027) as the API server demands. */
export function structuralSchema(schema: z.ZodType): JsonSchema {
  const converted = z.toJSONSchema(schema, {
    target: 'openapi-3.0', io: 'input', unrepresentable: 'throw', override: ({ jsonSchema }) => makeStructural(jsonSchema),
  });
  const structural: JsonSchema = { ...converted };
  spellDefaultsOut(structural);
  return structural;
}

/**
 * The API server holds the rules to every default as it is written, before it fills in the defaults below it (tried on
 * 1.36: `default: {}` of an object whose rule reads a defaulted field is refused). So a default of an object says all.
 */
function spellDefaultsOut(schema: JsonSchema): void {
  for (const property of Object.values(properties(schema))) {
    spellDefaultsOut(property);
  }
  if (schema['type'] === 'object' && schema['default'] !== undefined) {
    schema['default'] = withDefaults(schema, schema['default']);
  }
}

/** Absent properties get their defaults, level by level; lists are left as they are, for none of our defaults holds one. */
function withDefaults(schema: JsonSchema, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return value;
  }
  const filled: JsonSchema = { ...value };
  for (const [name, property] of Object.entries(properties(schema))) {
    const before = filled[name] ?? structuredClone(property['default']);
    if (before !== undefined) {
      filled[name] = withDefaults(property, before);
    }
  }
  return filled;
}

function properties(schema: JsonSchema): Record<string, JsonSchema> {
  const found = schema['properties'];
  return typeof found === 'object' && found !== null ? { ...found } : {};
}

/** Takes out what zod emits and a structural schema may not have, or what only repeats JavaScript's own limits. */
function makeStructural(node: JsonSchema): void {
  delete node['$schema'];
  delete node['propertyNames'];
  delete node['~standard'];
  if (node['additionalProperties'] === false) {
    delete node['additionalProperties'];
  }
  if (node['x-kubernetes-int-or-string'] === true) {
    delete node['anyOf'];
  }
  if (Array.isArray(node['enum']) && node['enum'].every((value) => Number.isInteger(value))) {
    node['type'] = 'integer';
  }
  if (node['type'] === 'integer') {
    node['format'] = 'int64';
    if (node['minimum'] === Number.MIN_SAFE_INTEGER) {
      delete node['minimum'];
    }
    if (node['maximum'] === Number.MAX_SAFE_INTEGER) {
      delete node['maximum'];
    }
  }
}

function rootSchema(resource: CustomResource): JsonSchema {
  const spec = structuralSchema(resource.spec);
  return {
    type: 'object',
    description: resource.description,
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      // A default rather than an optional spec: rules on spec would not be evaluated when it is removed (decision 18).
      spec: resource.withoutSpec === 'default' ? { ...spec, default: withDefaults(spec, {}) } : spec,
      status: { ...structuralSchema(resource.status), default: { observedGeneration: -1 } },
    },
    ...(resource.withoutSpec === 'default' ? {} : { required: ['spec'] }),
    ...(resource.rules.length === 0 ? {} : { 'x-kubernetes-validations': resource.rules }),
  };
}

const readyColumns: readonly PrinterColumn[] = [
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', priority: 1 },
];
const ageColumn: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** The CustomResourceDefinition of a kind, ready to be applied. */
export function customResourceDefinition(resource: CustomResource): JsonSchema {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${resource.plural}.${group}` },
    spec: {
      group,
      names: {
        kind: resource.kind, listKind: `${resource.kind}List`, plural: resource.plural, singular: resource.singular,
        shortNames: resource.shortNames, categories: ['keystead'],
      },
      scope: resource.scope,
      versions: [{
        name: version, served: true, storage: true,
        schema: { openAPIV3Schema: rootSchema(resource) },
        subresources: { status: {} },
        additionalPrinterColumns: [...readyColumns, ...resource.columns, ageColumn],
        ...(resource.selectableFields.length === 0 ? {} : { selectableFields: resource.selectableFields.map((jsonPath) => ({ jsonPath })) }),
      }],
    },
  };
}
