import { describe, expect, it } from '@jest/globals';
import { deniedDomains, keyIsUnder, reservedDomains } from '../../../src/api/target.ts';

describe('keyIsUnder', () => {
  it.each([
    'keystead.dev/source', 'sync.keystead.dev/team-b', 'kubernetes.io/metadata.name', 'node.kubernetes.io/x', 'k8s.io/x', 'a.b.k8s.io/x', 'Keystead.Dev/source',
  ])('%s is reserved', (key) => {
    expect(keyIsUnder(key, reservedDomains)).toBe(true);
  });

  it.each(['keystead.dev', 'app', 'x-k8s.io/a', 'mykubernetes.io/a', 'keystead.dev.example.com/a', 'example.com/keystead.dev/a', ''])('%j is not', (key) => {
    expect(keyIsUnder(key, reservedDomains)).toBe(false);
  });

  it('keeps labels that other controllers act on from templates by default', () => {
    for (const key of ['argocd.argoproj.io/secret-type', 'meta.helm.sh/release-name', 'sealedsecrets.bitnami.com/sealed-secrets-key', 'cert-manager.io/inject-ca-from', 'cluster.x-k8s.io/cluster-name', 'reflector.v1.k8s.emberstack.com/reflection-allowed']) {
      expect([key, keyIsUnder(key, deniedDomains)]).toEqual([key, true]);
    }
  });
});
