import { describe, expect, it } from '@jest/globals';
import { namespaceAllowed } from '../../../src/issuers/allowed.ts';

const prod = { name: 'shop', labels: { env: 'prod', tier: 'web' } };

describe('allowedNamespaces', () => {
  it.each([
    ['Same lets its own namespace in', { from: 'Same' }, { name: 'pki', labels: {} }, true],
    ['Same keeps others out', { from: 'Same' }, prod, false],
    ['All lets everybody in', { from: 'All' }, prod, true],
    ['a selector always lets its own namespace in', { from: 'Selector', selector: { matchLabels: { env: 'never' } } }, { name: 'pki', labels: {} }, true],
    ['labels must match', { from: 'Selector', selector: { matchLabels: { env: 'prod' } } }, prod, true],
    ['all labels must match', { from: 'Selector', selector: { matchLabels: { env: 'prod', tier: 'db' } } }, prod, false],
    ['labels and expressions must match both', { from: 'Selector', selector: { matchLabels: { env: 'prod' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] } }, prod, true],
    ['In needs the label', { from: 'Selector', selector: { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] } }, prod, false],
    ['In finds one of the values', { from: 'Selector', selector: { matchExpressions: [{ key: 'env', operator: 'In', values: ['dev', 'prod'] }] } }, prod, true],
    ['In without values matches nothing', { from: 'Selector', selector: { matchExpressions: [{ key: 'env', operator: 'In' }] } }, prod, false],
    ['NotIn holds where the label is missing, as in Kubernetes', { from: 'Selector', selector: { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] } }, prod, true],
    ['NotIn keeps the values out', { from: 'Selector', selector: { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['prod'] }] } }, prod, false],
    ['DoesNotExist', { from: 'Selector', selector: { matchExpressions: [{ key: 'env', operator: 'DoesNotExist' }] } }, prod, false],
    ['an empty selector selects everything, as in Kubernetes', { from: 'Selector', selector: {} }, prod, true],
    ['a namespace that is not known matches no selector', { from: 'Selector', selector: {} }, { name: 'shop', labels: undefined }, false],
    ['Selector without one lets nobody in', { from: 'Selector' }, prod, false],
    ['names of methods are no labels', { from: 'Selector', selector: { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] } }, prod, false],
  ] as const)('%s', (_what, allowed, asking, expected) => {
    expect(namespaceAllowed(allowed as Parameters<typeof namespaceAllowed>[0], 'pki', asking)).toBe(expected);
  });
});
