import { EnvHttpProxyAgent, fetch } from 'undici';
import type { Clock } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import type { BinaryHost, Environment } from './binaries.ts';
import { downloader } from './download.ts';
import { goBuilder } from './go-build.ts';

/** This machine as a place to find and make programs: with Go if it has it, else with downloads (through its HTTP proxy, if set). */
export function thisMachine(environment: Environment, clock: Clock, random: Random, progress: (line: string) => void): BinaryHost {
  return {
    environment,
    clock,
    random,
    progress,
    build: goBuilder(environment),
    download: downloader((url) => get(url, environment)),
  };
}

async function get(url: string, environment: Environment): Promise<Buffer> {
  const httpProxy = environment['HTTP_PROXY'] ?? environment['http_proxy'] ?? '';
  const httpsProxy = environment['HTTPS_PROXY'] ?? environment['https_proxy'] ?? '';
  const noProxy = environment['NO_PROXY'] ?? environment['no_proxy'] ?? '';
  const dispatcher = new EnvHttpProxyAgent({ httpProxy, httpsProxy, noProxy });
  try {
    const answer = await fetch(url, { dispatcher });
    if (!answer.ok) {
      throw new Error(`${url} answers ${answer.status}`);
    }
    return Buffer.from(await answer.arrayBuffer());
  } finally {
    await dispatcher.close();
  }
}
