import { z } from 'zod';
import { group, version } from './names.ts';
import { matches, patternMessage, type CelRule } from './schema.ts';

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
  return structural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'throw' }));
}

/** Keywords that zod emits and that a structural schema may not have or that we say otherwise. */
const dropped = new Set(['$schema', '~standard', 'propertyNames', 'anyOf', 'pattern', patternMessage]);

function structural(node: JsonSchema): JsonSchema {
  const result: JsonSchema = Object.fromEntries(Object.entries(node).filter(([keyword]) => !dropped.has(keyword)));
  if (node['properties'] !== undefined) {
    result['properties'] = Object.fromEntries(Object.entries(properties(node)).map(([name, property]) => [name, structural(property)]));
  }
  for (const keyword of ['items', 'additionalProperties']) {
    const below = node[keyword];
    if (typeof below === 'object' && below !== null) {
      result[keyword] = structural({ ...below });
    } else {
      delete result[keyword];
    }
  }
  addPatternRule(node, result);
  boundIntegers(result);
  if (result['type'] === 'object' && result['default'] !== undefined) {
    result['default'] = withDefaults(result, result['default']);
  }
  return result;
}

/**
 * A pattern becomes a CEL rule, for the API server's own message about a pattern shows the pattern and not what to write.
 * With `patternMessage` as null a rule of the schema holds the pattern already, together with something else.
 */
function addPatternRule(node: JsonSchema, result: JsonSchema): void {
  const { pattern } = node;
  const message = node[patternMessage];
  if (typeof pattern !== 'string' || message === null) {
    return;
  }
  if (typeof message !== 'string') {
    throw new TypeError(`a pattern needs a message: use matching() instead of regex() for ${pattern}`);
  }
  const others: unknown = node['x-kubernetes-validations'];
  result['x-kubernetes-validations'] = [matches(pattern, message), ...(Array.isArray(others) ? others : [])];
}

/** zod bounds every integer by what JavaScript can count exactly; that is no business of the CRD's. */
function boundIntegers(node: JsonSchema): void {
  if (Array.isArray(node['enum']) && node['enum'].every((value) => Number.isInteger(value))) {
    node['type'] = 'integer';
  }
  if (node['type'] !== 'integer') {
    return;
  }
  node['format'] = 'int64';
  if (node['minimum'] === Number.MIN_SAFE_INTEGER) {
    delete node['minimum'];
  }
  if (node['maximum'] === Number.MAX_SAFE_INTEGER) {
    delete node['maximum'];
  }
}

/**
 * Absent properties get their defaults, level by level; lists are left as they are, for none of our defaults holds one.
 * The API server holds the rules to every default as it is written, before it fills in the defaults below it (tried on
 * 1.36: `default: {}` of an object whose rule reads a defaulted field is refused). So a default of an object says all.
 */
function withDefaults(schema: JsonSchema, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return value;
  }
  const filled: JsonSchema = { ...value };
  for (const [name, property] of Object.entries(properties(schema))) {
    const before = filled[name] ?? property['default'];
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

function rootSchema(resource: CustomResource): JsonSchema {
  const spec = structuralSchema(resource.spec);
  return {
    type: 'object',
    description: resource.description,
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      // Declared only so that rules can point at it; the API server has its own schema of metadata.
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
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
