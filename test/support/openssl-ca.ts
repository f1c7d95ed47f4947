import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How a CSR is signed, where it isn't signed as it asks to be. */
export interface OpenSslSigning {
  readonly days?: number;
  readonly digest?: string;
  /** Instead of what the CSR asks for: lines of an extension file. */
  readonly extensions?: readonly string[];
  /** In days from now. */
  readonly from?: number;
}

/** A CA outside of the cluster, as a person runs it with openssl: a root, an intermediate, and what they sign. */
export class OpenSslCa {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<OpenSslCa> {
    const ca = new OpenSslCa(await mkdtemp(join(tmpdir(), 'keystead-ca-')));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    await ca.openssl('req', '-x509', ...key, '-keyout', 'root.key', '-out', 'root.pem', '-subj', '/O=Example/CN=Example Root', '-days', '3650', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
    await ca.openssl('req', '-new', ...key, '-keyout', 'sub.key', '-out', 'sub.csr', '-subj', '/O=Example/CN=Example Issuing CA');
    await ca.write('sub.ext', 'basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n');
    await ca.openssl('x509', '-req', '-in', 'sub.csr', '-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-out', 'sub.pem', '-days', '1825', '-extfile', 'sub.ext');
    return ca;
  }

  async openssl(...args: readonly string[]): Promise<string> {
    return (await run('openssl', args, { cwd: this.folder })).stdout;
  }

  write(name: string, content: string): Promise<void> {
    return writeFile(join(this.folder, name), content, { mode: 0o600 });
  }

  read(name: string): Promise<string> {
    return this.openssl('x509', '-in', name);
  }

  /** Root and intermediate, in the order in which such mails have them. */
  async bundle(): Promise<string> {
    return (await this.read('root.pem')) + (await this.read('sub.pem'));
  }

  /** Signs what a mail brought: answers the leaf alone. Uses `openssl ca`, since only that can set both dates. */
  async sign(csr: string, { from = 0, days = 90, digest = 'sha256', extensions }: OpenSslSigning = {}): Promise<string> {
    await this.write('in.csr', csr);
    await this.write('ca.cnf', caConfig(extensions ?? []));
    await this.write('index.txt', '');
    const dates = ['-startdate', instant(from), '-enddate', instant(from + days)];
    const files = ['-in', 'in.csr', '-cert', 'sub.pem', '-keyfile', 'sub.key', '-out', 'out.pem', '-outdir', '.'];
    await this.openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', '-md', digest, ...files, ...dates);
    return this.read('out.pem');
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

/** With own extensions none of the CSR's; without, all of them, as CAs do that trust whoever asks. */
function caConfig(extensions: readonly string[]): string {
  const copy = extensions.length === 0 ? 'copy' : 'none';
  return [
    '[ca]', 'default_ca = own', '[own]', 'database = index.txt', 'rand_serial = yes', 'unique_subject = no', 'policy = any', `copy_extensions = ${copy}`, 'x509_extensions = wanted',
    '[any]', 'commonName = optional', 'organizationName = optional',
    '[wanted]', 'authorityKeyIdentifier = keyid', ...extensions, '',
  ].join('\n');
}

/** As openssl writes instants, a minute in the past, since clocks differ. */
function instant(days: number): string {
  const at = new Date(performance.timeOrigin + performance.now() + days * 86_400_000 - 60_000);
  return `${at.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;
}
