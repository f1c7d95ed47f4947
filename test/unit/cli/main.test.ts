import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

function keystead(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve('src/main.ts'), ...args], { encoding: 'utf8', env: {} });
  return { code: status, out: stdout, err: stderr };
}

describe('keystead', () => {
  it.each([[], ['--help'], ['-h'], ['help']])('%j shows what there is', (...args) => {
    const { code, out, err } = keystead(...args);
    expect(out).toBe(`Keystead keeps secrets, keys and certificates in vaults inside a Kubernetes cluster.

Usage:
  keystead COMMAND [flags]
  kubectl keystead COMMAND [flags]

Commands:
  operator  runs the controllers
  dev       runs everything here, against an API server of its own or any other
  records   verifies and decrypts a dump of the records, without a cluster
  audit     verifies an audit log
  deleted   lists what can be recovered
  recover   takes a deleted vault back
  purge     destroys a deleted vault
  renew     renews a certificate now
  why       says what keeps a resource from being Ready
  version   prints the version

"keystead COMMAND --help" tells more about a command, with examples.
`);
    expect(err).toBe('');
    expect(code).toBe(0);
  });

  it.each(['operator', 'dev', 'records', 'audit', 'deleted', 'recover', 'purge', 'renew', 'why', 'version'])('%s helps with usage and examples', (command) => {
    const { code, out, err } = keystead(command, 'whatever', '--help');
    expect(out).toMatch(new RegExp(`^[A-Z][^\\n]+\\.\\n\\nUsage:\\n  (kubectl )?keystead ${command}`));
    expect(out).toMatch(/\nExamples:\n {2}(kubectl )?keystead /);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(132);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  it.each([
    [['nope'], 'keystead: There is no command "nope". The commands are operator, dev, records'],
    [['toString'], 'keystead: There is no command "toString"'],
    [['dev', '--context', 'x'], 'keystead: --context is about --kubeconfig PATH: give both.'],
    [['purge', 'app', '--yes'], 'keystead: A deleted vault is named NAMESPACE.VAULT, such as team-a.app, not "app".'],
    [['why', 'pod/x'], 'keystead: "pod/x" is no resource of Keystead.'],
    [['records', 'eat', '--dump', 'x'], 'keystead: keystead records can verify and decrypt, not "eat".'],
    [['records', 'verify', '--dump', '/nowhere'], 'keystead: /nowhere cannot be read.'],
    [['renew', 'web', '--kubeconfig', '/nowhere'], 'keystead: The kubeconfig /nowhere cannot be read.'],
  ])('%j is refused with 2 and what to do', (args, message) => {
    const { code, out, err } = keystead(...args);
    expect(err.startsWith(message)).toBe(true);
    expect({ code, out }).toEqual({ code: 2, out: '' });
  });
});
