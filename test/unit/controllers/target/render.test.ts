import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeysteadError } from '../../../../src/api/error.ts';
import type { TargetInput } from '../../../../src/api/target.ts';
import { deniedDomains, type Target } from '../../../../src/api/target.ts';
import { render, withOutputs } from '../../../../src/controllers/target/render.ts';
import { aTarget, fieldsOf } from './builders.ts';

function data(input: NonNullable<TargetInput>, values: Readonly<Record<string, string>>): Record<string, string> {
  const rendered = render(aTarget(input), fieldsOf(values), deniedDomains);
  return Object.fromEntries([...rendered.data].map(([key, value]) => [key, value.toString()]));
}

function keysOrReason(target: Target, values: Readonly<Record<string, string>>): string[] | string {
  try {
    return [...render(target, fieldsOf(values), []).data.keys()];
  } catch (error) {
    if (error instanceof KeysteadError) return error.code;
    throw error;
  }
}

describe('the content of a target', () => {
  it('is each field under its own name where there is no template', () => {
    expect(data({}, { username: 'a', password: 'b' })).toEqual({ username: 'a', password: 'b' });
    expect(data({}, { value: 'x' })).toEqual({ value: 'x' });
  });

  it('keeps bytes as they are', () => {
    const bytes = Buffer.from([0, 255, 128]);
    expect(render(aTarget(), new Map([['value', bytes]]), []).data.get('value')?.equals(bytes)).toBe(true);
  });

  it('gives fields the names that a type asks for', () => {
    expect(data({ type: 'kubernetes.io/ssh-auth' }, { privateKey: 'k', publicKey: 'p' })).toEqual({ 'ssh-privatekey': 'k', 'ssh-publickey': 'p' });
    expect(data({ type: 'kubernetes.io/dockerconfigjson' }, { value: '{"auths":{}}' })).toEqual({ '.dockerconfigjson': '{"auths":{}}' });
    expect(data({ type: 'kubernetes.io/ssh-auth' }, { privateKey: 'k', 'ssh-privatekey': 'own' })).toEqual({ privateKey: 'k', 'ssh-privatekey': 'own' });
  });

  it('is the template\'s and nothing else where there is one', () => {
    expect(data({ template: { data: { url: 'db://{{ username }}:{{ password }}' } } }, { username: 'a', password: 'b' })).toEqual({ url: 'db://a:b' });
    expect(data({ template: { labels: { app: '{{ username }}' } } }, { username: 'a' })).toEqual({ username: 'a' });
  });

  it('has outputs beside fields and template, and is measured with them', () => {
    const keystore = new Map([['keystore.p12', Buffer.from([0xff])]]);
    const templated = render(aTarget({ template: { data: { a: '{{ value }}' } } }), fieldsOf({ value: 'x' }), []);
    expect([...withOutputs(templated, keystore).data]).toEqual([['a', Buffer.from('x')], ['keystore.p12', Buffer.from([0xff])]]);
    expect(() => withOutputs(templated, new Map([['keystore.p12', Buffer.alloc(1024 ** 2)]]))).toThrow(expect.objectContaining({ code: 'TargetTooLarge' }));
  });

  it('takes a key named __proto__ for a key', () => {
    const fields = new Map([['__proto__', Buffer.from('x')]]);
    expect([...render(aTarget(), fields, []).data.keys()]).toEqual(['__proto__']);
  });

  it.each<[string, NonNullable<TargetInput>, Readonly<Record<string, string>>, string]>([
    ['basic-auth without both', { type: 'kubernetes.io/basic-auth' }, { value: 'x' }, 'TargetTypeMismatch'],
    ['ssh-auth without its key', { type: 'kubernetes.io/ssh-auth' }, { value: 'x' }, 'TargetTypeMismatch'],
    ['tls without a key', { type: 'kubernetes.io/tls' }, { 'tls.crt': 'x' }, 'TargetTypeMismatch'],
    ['tls with an empty key', { type: 'kubernetes.io/tls' }, { 'tls.crt': 'x', 'tls.key': '' }, 'TargetTypeMismatch'],
    ['dockerconfigjson that is no JSON', { type: 'kubernetes.io/dockerconfigjson' }, { value: 'hunter2' }, 'TargetTypeMismatch'],
    ['dockerconfigjson that is a list', { type: 'kubernetes.io/dockerconfigjson' }, { value: '[]' }, 'TargetTypeMismatch'],
    ['a field that is no key of a Secret', {}, { 'a b': 'x' }, 'TargetTypeMismatch'],
    ['more than 1 MiB', {}, { value: 'x'.repeat(1024 ** 2 + 1) }, 'TargetTooLarge'],
    ['more than 1 MiB by a template', { template: { data: { a: '{% for i in (1..60) %}{{ value }}{% endfor %}' } } }, { value: 'x'.repeat(20_000) }, 'TargetTooLarge'],
    ['annotations beyond what is stored', { template: { annotations: { a: '{% for i in (1..20) %}{{ value }}{% endfor %}' } } }, { value: 'x'.repeat(20_000) }, 'TargetTooLarge'],
    ['a label value that is none', { template: { labels: { app: '{{ value }}' } } }, { value: 'hunter 2' }, 'TemplateInvalid'],
    ['a label of a denied domain', { template: { labels: { 'argocd.argoproj.io/secret-type': 'cluster' } } }, { value: 'x' }, 'TemplateInvalid'],
    ['an annotation of a subdomain of a denied one', { template: { annotations: { 'acme.cert-manager.io/x': 'y' } } }, { value: 'x' }, 'TemplateInvalid'],
  ])('refuses %s, before the write and without a value in the message', (_what, input, values, reason) => {
    expect(() => data(input, values)).toThrow(expect.objectContaining({ code: reason, consequence: 'stalled', message: expect.not.stringContaining('hunter') }));
  });

  it('refuses reserved domains even if the schema let them through', () => {
    const target: Target = { ...aTarget(), template: { labels: { 'keystead.dev/source': 'vault' } } };
    expect(() => render(target, fieldsOf({ value: 'x' }), [])).toThrow('its domain steers');
  });

  it('asks nothing of the type of a Secret that is merged into', () => {
    const target: Target = { ...aTarget({ creationPolicy: 'Merge' }), type: 'kubernetes.io/tls' };
    expect([...render(target, fieldsOf({ value: 'x' }), []).data.keys()]).toEqual(['value']);
  });

  it('always makes what Kubernetes would store, or says why not', () => {
    const types = fc.constantFrom('Opaque', 'kubernetes.io/tls', 'kubernetes.io/dockerconfigjson', 'kubernetes.io/basic-auth', 'kubernetes.io/ssh-auth');
    const names = fc.oneof(fc.constantFrom('value', 'password', 'tls.crt', 'tls.key', 'privateKey', '.dockerconfigjson', '__proto__'), fc.string({ maxLength: 4 }));
    fc.assert(fc.property(types, fc.dictionary(names, fc.string({ maxLength: 8 })), (type, values) => {
      const made = keysOrReason(aTarget({ type } as NonNullable<TargetInput>), values);
      const stored = Array.isArray(made) && made.length === Object.keys(values).length && made.every((key) => /^[-._a-zA-Z0-9]{1,253}$/.test(key));
      expect(stored || made === 'TargetTypeMismatch').toBe(true);
    }), { numRuns: 500 });
  });
});
