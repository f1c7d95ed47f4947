import { spawnSync } from 'node:child_process';

/** The JDK's own reader as a second opinion on keystores. */
export const keytoolMissing = spawnSync('keytool', ['-help']).error === undefined ? undefined : 'there is no keytool on this machine';

export interface KeytoolAnswer {
  readonly status: number | null;
  readonly output: string;
}

/** `list` of a store: aliases with their kinds. The password travels by environment, as characters that no shell sees. */
export const listKeystore = (path: string, type: 'PKCS12' | 'JKS', password: string): KeytoolAnswer =>
  keytool(['-list', '-keystore', path, '-storetype', type, '-storepass:env', 'PASSWORD'], password);

/** Has Java decrypt a keystore's key and put it into a PKCS#12 file of its own, with the password `changeit`. */
export const convertKeystore = (path: string, type: 'PKCS12' | 'JKS', password: string, to: string): KeytoolAnswer =>
  keytool(['-importkeystore', '-noprompt', '-srckeystore', path, '-srcstoretype', type, '-srcstorepass:env', 'PASSWORD', '-destkeystore', to, '-deststoretype', 'PKCS12', '-deststorepass', 'changeit'], password);

function keytool(args: readonly string[], password: string): KeytoolAnswer {
  // Java reads the environment in the encoding of the locale, and strict types only without its compatibility mode.
  const { status, stdout, stderr, error } = spawnSync('keytool', ['-J-Dkeystore.type.compat=false', ...args], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8', PASSWORD: password } });
  if (error) throw error;
  return { status, output: stdout + stderr };
}
