import { describe, it } from '@jest/globals';

type Test = (name: string, run: () => Promise<void> | void) => void;

/**
 * `it`, or a skipped test with the reason in its name if there is one: a skip is always loud, and counted.
 * Only for what a machine may honestly lack (a container engine, mount namespaces), never for a missing API server.
 */
export function itUnless(reason: string | undefined): Test {
  const { skip } = it;
  return reason === undefined ? it : (name, run) => skip(`${name} [skipped: ${reason}]`, run);
}

type Group = (name: string, run: () => void) => void;

/** The same for a group of tests. */
export function describeUnless(reason: string | undefined): Group {
  const { skip } = describe;
  return reason === undefined ? describe : (name, run) => skip(`${name} [skipped: ${reason}]`, run);
}
