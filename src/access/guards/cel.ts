/**
 * Small pieces of CEL that several guards share. Everything that comes from a parameter goes through `text`, so that a
 * name can never become code.
 */

/** A CEL string literal. JSON's escapes are a subset of CEL's. */
export function text(value: string): string {
  return JSON.stringify(value);
}

/** A CEL list of string literals. */
export function list(values: readonly string[]): string {
  return `[${values.map(text).join(', ')}]`;
}

/** The user name under which the API server knows a ServiceAccount. */
export function serviceAccountUser(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The request comes from this ServiceAccount. */
export function isServiceAccount(namespace: string, name: string): string {
  return `request.userInfo.username == ${text(serviceAccountUser(namespace, name))}`;
}

/** The object that a request is about: on DELETE there is only the old one. */
export const subject = "(request.operation == 'DELETE' ? oldObject : object)";

/** The namespace of the request is on its way out, and its contents with it. For validations only. */
export const namespaceTerminating = 'has(namespaceObject.metadata.deletionTimestamp)';

/**
 * The path has the same value before and after; absent and empty are the same thing, as they are for the API server.
 * `empty` is the literal that stands for absence: `{}`, `[]`, `false`, `''`.
 */
export function unchanged(path: readonly string[], empty: string): string {
  return `${valueAt('object', path, empty)} == ${valueAt('oldObject', path, empty)}`;
}

/** A field of `spec` is not what it was, absence counting as a value. */
export function specDiffers(field: string): string {
  return `object.spec.?${field} != oldObject.spec.?${field}`;
}

/** The object bears a label, whatever its value. */
export function hasLabel(root: string, label: string): string {
  return `${root}.metadata.?labels[?${text(label)}].hasValue()`;
}

/** The value at a path of which every step may be missing. */
export function valueAt(root: string, path: readonly string[], empty: string): string {
  return `${root}${path.map((step) => `.?${step}`).join('')}.orValue(${empty})`;
}

/** The two maps are equal but for the keys that satisfy `except` (a CEL condition on `k`). */
export function equalExcept(left: string, right: string, except: string): string {
  const covered = (a: string, b: string): string => `${a}.all(k, ${except} || (k in ${b} && ${a}[k] == ${b}[k]))`;
  return `${covered(left, right)} && ${covered(right, left)}`;
}

/** Asks the API server's authorizer whether the sender of the request has a verb on one object of our group. */
export function mayDo(verb: string, target: { resource: string; namespace?: string; name: string }): string {
  const namespace = target.namespace === undefined ? '' : `.namespace(${target.namespace})`;
  return `authorizer.group('keystead.dev').resource(${text(target.resource)})${namespace}.name(${target.name}).check(${text(verb)}).allowed()`;
}
