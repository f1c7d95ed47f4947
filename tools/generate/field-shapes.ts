import { structuralSchema, type CustomResource, type JsonSchema } from '../../src/api/crd.ts';

/** What a manifest written for one release must find again in the next (decision 40), for each field by its path. */
export interface FieldShape {
  /** Type, format, kind of list: what may never change. */
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  /** Limits may only be widened. */
  readonly limits: Readonly<Record<string, number>>;
}

const identity = ['type', 'format', 'x-kubernetes-int-or-string', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'];
const lower = ['minimum', 'minLength'];
const upper = ['maximum', 'maxLength', 'maxItems', 'maxProperties'];

/** All fields of all kinds, as `vaults.spec.limits.objects`. */
export function fieldShapes(kinds: readonly CustomResource[]): Record<string, FieldShape> {
  const shapes: Record<string, FieldShape> = {};
  for (const kind of kinds) {
    collect(structuralSchema(kind.spec), `${kind.plural}.spec`, kind.withoutSpec === 'required', shapes);
    collect(structuralSchema(kind.status), `${kind.plural}.status`, false, shapes);
  }
  return shapes;
}

function collect(schema: JsonSchema, path: string, required: boolean, shapes: Record<string, FieldShape>): void {
  const { default: fallback, enum: values } = schema;
  shapes[path] = {
    type: JSON.stringify(identity.map((keyword) => schema[keyword] ?? null)),
    required,
    // The default of an object only repeats those of its fields.
    ...(fallback === undefined || schema['type'] === 'object' ? {} : { default: fallback }),
    ...(Array.isArray(values) ? { enum: values } : {}),
    limits: Object.fromEntries([...lower, ...upper].flatMap((keyword) => (typeof schema[keyword] === 'number' ? [[keyword, schema[keyword]]] : []))),
  };
  const names = Array.isArray(schema['required']) ? schema['required'] : [];
  for (const [name, property] of Object.entries(asSchema(schema['properties']))) {
    collect(asSchema(property), `${path}.${name}`, names.includes(name), shapes);
  }
  for (const [keyword, suffix] of [['items', '[]'], ['additionalProperties', '.*']] as const) {
    if (schema[keyword] !== undefined) {
      collect(asSchema(schema[keyword]), `${path}${suffix}`, false, shapes);
    }
  }
}

function asSchema(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** Everything in `now` that a manifest of the release `before` would stumble over. */
export function incompatibilities(before: Readonly<Record<string, FieldShape>>, now: Readonly<Record<string, FieldShape>>): string[] {
  const problems: string[] = [];
  for (const [path, old] of Object.entries(before)) {
    const current = now[path];
    problems.push(...(current === undefined ? [`${path} is gone`] : changes(old, current).map((change) => `${path}: ${change}`)));
  }
  for (const [path, { required }] of Object.entries(now)) {
    const parent = path.slice(0, path.lastIndexOf('.'));
    if (required && before[path] === undefined && before[parent] !== undefined) {
      problems.push(`${path} is new and required`);
    }
  }
  return problems;
}

function changes(old: FieldShape, current: FieldShape): string[] {
  const found: string[] = [];
  if (current.type !== old.type) {
    found.push(`was ${old.type}, is ${current.type}`);
  }
  if (current.required && !old.required) {
    found.push('is required now');
  }
  if (JSON.stringify(current.default) !== JSON.stringify(old.default)) {
    found.push('has another default');
  }
  if (current.enum !== undefined && !(old.enum ?? [undefined]).every((value) => current.enum?.includes(value))) {
    found.push('allows fewer values');
  }
  const narrower = lower.some((keyword) => (current.limits[keyword] ?? -Infinity) > (old.limits[keyword] ?? -Infinity))
    || upper.some((keyword) => (current.limits[keyword] ?? Infinity) < (old.limits[keyword] ?? Infinity));
  return narrower ? [...found, 'has narrower limits'] : found;
}
