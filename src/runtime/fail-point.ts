/**
 * Named points before and after every write, at which tests kill the process (decisions 32). A closed union: a test
 * iterates it, and another fails when a write has none.
 */
export const writes = [
  'record', 'archive', 'record-remove', 'target', 'target-delete', 'status', 'deleted-vault', 'workload', 'root-key', 'installation', 'checkpoint', 'identity',
] as const;

export type Write = (typeof writes)[number];
export type FailPoint = `${Write}:before` | `${Write}:after`;

export const failPoints: readonly FailPoint[] = writes.flatMap((write): FailPoint[] => [`${write}:before`, `${write}:after`]);

/** Called at every fail point. The program passes one that does nothing; tests pass one that never returns. */
export type FailAt = (point: FailPoint) => void;

/** Runs a write between its two fail points. */
export async function between<T>(failAt: FailAt, write: Write, run: () => Promise<T>): Promise<T> {
  failAt(`${write}:before`);
  const result = await run();
  failAt(`${write}:after`);
  return result;
}
