import { Document, isScalar, Scalar, visit } from 'yaml';

/**
 * Objects of the source as Helm templates: the object is made with placeholders where an installation differs, and
 * written as YAML in which the placeholders are Helm's expressions. All values that come in this way are held to safe
 * characters by values.schema.json, or by Kubernetes itself.
 */

/** Stands in an object where the template has an expression. The texts mean nothing to YAML, CEL or Kubernetes. */
export const placeholders = {
  namespace: 'placeholder-namespace',
  served: 'placeholder-served',
  deniedDomain: 'placeholder.denied-domain',
} as const;

/** The chart's own conditions, as Helm writes them. */
export type Condition = `.Values.${string}`;

/** One document. Braces in the object (a CEL message may explain a template) stay what they are. */
export function templateOf(object: object): string {
  const document = new Document(object);
  visit(document, { Scalar: (_key, node) => styled(node) });
  const text = document.toString({ lineWidth: 0 }).replaceAll(/\{\{|\}\}/g, (braces) => `{{ "${braces}" }}`);
  return text
    .replaceAll(placeholders.namespace, '{{ $.Release.Namespace }}')
    .replaceAll(placeholders.served, '{{ . }}')
    // In CEL a list of literals, elsewhere a list for people.
    .replaceAll(`"${placeholders.deniedDomain}"`, '"{{ join `", "` $.Values.targets.deniedDomains }}"')
    .replaceAll(placeholders.deniedDomain, '{{ join ", " $.Values.targets.deniedDomains }}');
}

/** A namespace may be called 123 or null, and a list of domains brings quotation marks along. */
function styled(node: unknown): void {
  if (!isScalar(node) || typeof node.value !== 'string') return;
  if (node.value === placeholders.namespace || node.value === placeholders.served) node.type = Scalar.QUOTE_DOUBLE;
  if (node.value.includes(placeholders.deniedDomain)) node.type = Scalar.BLOCK_LITERAL;
}

/** Documents one after the other, each with its marker. */
export function documents(texts: readonly string[]): string {
  return texts.map((text) => `---\n${text}`).join('');
}

export function when(condition: Condition, text: string): string {
  return `{{- if ${condition} }}\n${text}{{- end }}\n`;
}

/** The object outlives `helm uninstall`. The next installation of the same name takes it over again. */
export function keptWhen(condition: Condition, text: string): string {
  const annotation = '  {{- if CONDITION }}\n  annotations:\n    helm.sh/resource-policy: keep\n  {{- end }}\n';
  return text.replace(/^metadata:\n/m, `metadata:\n${annotation.replace('CONDITION', condition)}`);
}

/** Lines that begin with `prefix` stand only under the condition. */
export function lineWhen(condition: Condition, prefix: string, text: string): string {
  const escaped = prefix.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return text.replaceAll(new RegExp(`^( +)(${escaped}.*)$`, 'gm'), `$1{{- if ${condition} }}\n$1$2\n$1{{- end }}`);
}
