import { KeysteadError } from '../../api/error.ts';
import { keyIsUnder, reservedDomains, type Target, type TargetType } from '../../api/target.ts';
import { checkAnnotations, checkData } from './requirements.ts';
import { Templates, type TemplateLimits } from './template.ts';

/** What a target's Secret shall hold, before Keystead's own marks. */
export interface Rendered {
  readonly type: TargetType;
  readonly data: ReadonlyMap<string, Buffer>;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
}

const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Fields that have another name in Secrets of a type; used only where the manifest gives no template. */
const fieldNames: Readonly<Partial<Record<TargetType, Readonly<Record<string, string>>>>> = {
  'kubernetes.io/ssh-auth': { privateKey: 'ssh-privatekey', publicKey: 'ssh-publickey' },
  'kubernetes.io/dockerconfigjson': { value: '.dockerconfigjson' },
};

/**
 * Makes the content of a target from the fields of a value. Pure; buffers of fields may be shared with the answer.
 *
 * @param deniedDomains what the deployment forbids for labels and annotations, beside what is always reserved (decisions 28)
 * @throws KeysteadError (stalled) TemplateInvalid, TemplateLimitExceeded, TargetTooLarge, TargetTypeMismatch
 */
export function render(target: Target, fields: ReadonlyMap<string, Buffer>, deniedDomains: readonly string[], limits?: TemplateLimits): Rendered {
  const { template } = target;
  // A merged Secret keeps the type that its owner gave it.
  const type = target.creationPolicy === 'Merge' ? 'Opaque' : target.type;
  const templates = template === undefined ? undefined : new Templates(fields, limits);
  const data = template?.data === undefined || templates === undefined ? byField(type, fields) : renderData(templates, template.data);
  const labels = renderMetadata('labels', templates, template?.labels, deniedDomains);
  const annotations = renderMetadata('annotations', templates, template?.annotations, deniedDomains);
  for (const [key, value] of labels) {
    if (!LABEL_VALUE.test(value)) {
      throw invalid(`labels["${key}"]`, "its value must have at most 63 letters, digits, '-', '_' and '.', and begin and end with a letter or digit");
    }
  }
  checkAnnotations(annotations);
  checkData(type, data);
  return { type, data, labels, annotations };
}

/**
 * With further keys beside those of fields and template, such as keystores, which no template can print. Where a key is in
 * both, the API server has refused the manifest; if it did not, the further one stands.
 * @throws KeysteadError (stalled) TargetTooLarge
 */
export function withOutputs(rendered: Rendered, outputs: ReadonlyMap<string, Buffer>): Rendered {
  const data = new Map([...rendered.data, ...outputs]);
  checkData(rendered.type, data);
  return { ...rendered, data };
}

/** Each field becomes a key. */
function byField(type: TargetType, fields: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  const renamed = fieldNames[type] ?? {};
  return new Map([...fields].map(([field, value]) => {
    const name = Object.hasOwn(renamed, field) ? renamed[field] : undefined;
    // A field that has the right name already is not overwritten by one that would be given it.
    return [name === undefined || fields.has(name) ? field : name, value];
  }));
}

function renderData(templates: Templates, written: Readonly<Record<string, string>>): ReadonlyMap<string, Buffer> {
  return new Map(Object.entries(written).map(([key, template]) => [key, Buffer.from(templates.render(`data["${key}"]`, template), 'utf8')]));
}

function renderMetadata(
  field: 'labels' | 'annotations',
  templates: Templates | undefined,
  written: Readonly<Record<string, string>> | undefined,
  deniedDomains: readonly string[],
): ReadonlyMap<string, string> {
  const rendered = new Map<string, string>();
  if (templates === undefined || written === undefined) return rendered;
  for (const [key, template] of Object.entries(written)) {
    if (keyIsUnder(key, [...reservedDomains, ...deniedDomains])) {
      throw invalid(`${field}["${key}"]`, 'its domain steers Kubernetes or another controller and is not allowed in this installation');
    }
    rendered.set(key, templates.render(`${field}["${key}"]`, template));
  }
  return rendered;
}

function invalid(where: string, why: string): KeysteadError {
  return new KeysteadError('TemplateInvalid', `The template of ${where} is not usable: ${why}. Correct spec.target.template.`, 'stalled');
}
