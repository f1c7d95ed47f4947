import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

function keystead(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve('src/main.ts'), ...args], { encoding: 'utf8', env: {} });
  return { code: status, out: stdout, err: stderr };
}

describe('keystead', () => {
  it.each([[], ['--help']])('%j shows what there is', (...args) => {
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
  csr       prints the CSR of a certificate that waits to be signed
  merge     gives a signed certificate back
  why       says what keeps a resource from being Ready
  version   prints the version

"keystead COMMAND --help" tells more about a command, with examples.
`);
    expect(err).toBe('');
    expect(code).toBe(0);
  });

  it.each([
    [['nope'], 2, 'keystead: There is no command "nope". The commands are operator, dev, records'],
    [['toString'], 2, 'keystead: There is no command "toString"'],
    [['dev', '--context', 'x'], 2, 'keystead: --context is about --kubeconfig PATH: give both.'],
    [['operator', '--audit-stdout', '--kubeconfig', '/nowhere'], 2, 'keystead: The kubeconfig /nowhere cannot be read'],
  ])('%j is refused with what to do', (args, expected, message) => {
    const { code, out, err } = keystead(...args);
    expect(err.startsWith(message)).toBe(true);
    expect({ code, out }).toEqual({ code: expected, out: '' });
  });
});
