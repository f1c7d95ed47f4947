import { describe, expect, it } from '@jest/globals';
import { structuralSchema, type JsonSchema } from '../../../src/api/crd.ts';
import { crds, customResources } from '../../../src/api/crds.ts';
import { asSchema, children, problemsOf, rulesOf } from './structural.ts';

function walk(schema: JsonSchema, visit: (schema: JsonSchema, path: string) => void, path: string): void {
  visit(schema, path);
  for (const { name, schema: child } of children(schema)) {
    walk(child, visit, `${path}${name}`);
  }
}

describe.each(customResources.map((resource) => [resource.kind, resource] as const))('%s', (_kind, resource) => {
  it.each(['spec', 'status'] as const)('has a structural and bounded schema of its %s', (part) => {
    expect(problemsOf(structuralSchema(resource[part]), part)).toEqual([]);
  });

  it('explains itself: every object and every field of the spec but plain enumerations has a description', () => {
    const silent: string[] = [];
    walk(structuralSchema(resource.spec), (schema, path) => {
      const isPlain = schema['enum'] !== undefined || path === 'spec' || path.endsWith('[]') || path.endsWith('.*') || path.endsWith('].name') || path.endsWith('].key');
      if (!isPlain && typeof schema['description'] !== 'string') {
        silent.push(path);
      }
    }, 'spec');
    expect(silent).toEqual([]);
  });

  it('has rules whose messages are sentences for people', () => {
    const messages: string[] = resource.rules.map(({ message }) => message);
    walk(structuralSchema(resource.spec), (schema) => messages.push(...rulesOf(schema).map(({ message }) => String(message))), 'spec');
    for (const message of messages) {
      // No field is named by its place in the code, and nothing is shouted.
      expect(message).not.toMatch(/self\.|has\(|undefined|!$/);
      expect(message.length).toBeLessThanOrEqual(220);
    }
  });

  it('uses only CEL that Kubernetes 1.32 knows', () => {
    // Tried with kube-apiserver --emulated-version=1.33, whose new expressions may use what 1.32 has; this keeps it so.
    const known = ['has', 'size', 'matches', 'all', 'exists', 'exists_one', 'filter', 'map', 'startsWith', 'contains', 'type', 'duration', 'quantity', 'asInteger', 'isIP', 'isCIDR'];
    const written: string[] = resource.rules.map(({ rule }) => rule);
    walk(structuralSchema(resource.spec), (schema) => written.push(...rulesOf(schema).map(({ rule }) => String(rule))), 'spec');
    const used = written.flatMap((rule) => [...rule.replaceAll(/r?'[^']*'/g, "''").matchAll(/([A-Za-z_]+)\(/g)].map(([, name]) => name));
    expect(used.filter((name) => !known.includes(name ?? ''))).toEqual([]);
  });

  it('has no field that could hold a plain-text secret', () => {
    const names: string[] = [];
    walk(structuralSchema(resource.spec), (_schema, path) => names.push(path), 'spec');
    expect(names.filter((name) => /\.(value|data|stringData|privateKeyPem|token)$/.test(name))).toEqual(
      resource.kind === 'VaultSecret' || resource.kind === 'VaultCertificate' ? ['spec.target.template.data'] : [],
    );
  });
});

describe('the CRDs', () => {
  it('have names that do not clash', () => {
    const names = customResources.flatMap(({ plural, singular, shortNames }) => [plural, singular, ...shortNames]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('have a status that kstatus reads as in progress, a status subresource and the category', () => {
    for (const crd of crds()) {
      const spec = asSchema(crd['spec']);
      const versions = spec['versions'];
      expect(versions).toHaveLength(1);
      const [version] = Array.isArray(versions) ? versions.map(asSchema) : [];
      expect(version).toMatchObject({
        name: 'v1alpha1', served: true, storage: true, subresources: { status: {} },
        schema: { openAPIV3Schema: { properties: { status: { default: { observedGeneration: -1 } } } } },
      });
      expect(spec).toMatchObject({ group: 'keystead.dev', names: { categories: ['keystead'] } });
    }
  });

  it('show Ready first and the age last', () => {
    for (const crd of crds()) {
      expect(JSON.stringify(crd)).toMatch(/"additionalPrinterColumns":\[\{"name":"Ready","type":"string","jsonPath":"\.status\.conditions\[\?\(@\.type==\\"Ready\\"\)\]\.status"\},\{"name":"Reason".*\{"name":"Age","type":"date","jsonPath":"\.metadata\.creationTimestamp"\}\]/);
    }
  });
});
