import { describe, expect, it } from '@jest/globals';
import { HelpAsked, UsageError } from '../../../src/cli/args.ts';
import * as audit from '../../../src/cli/audit.ts';
import * as csr from '../../../src/cli/csr.ts';
import * as deleted from '../../../src/cli/deleted.ts';
import * as dev from '../../../src/cli/dev.ts';
import type { Command } from '../../../src/cli/io.ts';
import * as merge from '../../../src/cli/merge.ts';
import * as operator from '../../../src/cli/operator.ts';
import * as purge from '../../../src/cli/purge.ts';
import * as records from '../../../src/cli/records.ts';
import * as recover from '../../../src/cli/recover.ts';
import * as renew from '../../../src/cli/renew.ts';
import * as version from '../../../src/cli/version.ts';
import * as why from '../../../src/cli/why.ts';
import { testIo } from './io.ts';

const commands: Readonly<Record<string, Command>> = { audit, csr, deleted, dev, merge, operator, purge, records, recover, renew, version, why };

describe('every command', () => {
  it.each(Object.entries(commands))('%s helps with usage and examples, whatever else is asked', async (name, command) => {
    const asked = await command.run(['whatever', '--nonsense', '--help'], testIo()).catch((error: unknown) => error);
    expect(asked).toBeInstanceOf(HelpAsked);
    const text = (asked as HelpAsked).message;
    expect(text).toMatch(new RegExp(`^[A-Z][^\\n]+\\.\\n\\nUsage:\\n  (kubectl )?keystead ${name}`));
    expect(text).toMatch(/\nExamples:\n {2}(kubectl )?keystead /);
    expect(text.split('\n').filter((line) => line.length > 125)).toEqual([]);
  });

  it.each(Object.entries(commands))('%s refuses a flag that it does not know, and names those that it has', async (name, command) => {
    const asked = command.run(['--nonsense'], testIo());
    await expect(asked).rejects.toBeInstanceOf(UsageError);
    await expect(asked).rejects.toThrow(new RegExp(`keystead ${name} has no flag --nonsense.*See "(kubectl )?keystead ${name} --help"`));
  });

  it.each<[string, readonly string[], string]>([
    ['purge', ['app', '--yes'], 'A deleted vault is named NAMESPACE.VAULT, such as team-a.app, not "app".'],
    ['why', ['pod/x'], '"pod/x" is no resource of Keystead. Write KIND/NAME, such as vaultcertificate/web. The kinds are vault (kv), vaultsecret (kvs)'],
    ['why', ['kvs/a/b'], '"kvs/a/b" is no resource of Keystead.'],
    ['why', [], 'needs an argument more'],
    ['recover', [], 'needs an argument more'],
    ['records', ['eat', '--dump', 'x'], 'keystead records can verify and decrypt, not "eat".'],
    ['records', ['verify'], 'needs --dump FILE'],
    ['records', ['verify', '--dump', '/nowhere'], '/nowhere cannot be read.'],
    ['audit', ['prove', 'log', '--dump', 'x'], 'keystead audit can verify, not "prove".'],
    ['audit', ['verify'], 'needs an argument more'],
    ['renew', ['web', '--kubeconfig', '/nowhere'], 'The kubeconfig /nowhere cannot be read.'],
    ['csr', ['web', '--identity', '4f0a'], '--identity must be a SHA-256 in hex, 64 digits.'],
    ['merge', ['web'], 'needs -f FILE'],
    ['merge', ['web', '-f', '/nowhere'], '/nowhere cannot be read.'],
    ['dev', ['--log-level', 'loud'], '--log-level must be one of error, warn, info, debug, not "loud".'],
  ])('%s %j is refused with what to do', async (name, args, message) => {
    const asked = Promise.resolve(commands[name]?.run(args, testIo()));
    await expect(asked).rejects.toBeInstanceOf(UsageError);
    await expect(asked).rejects.toThrow(message);
  });
});
