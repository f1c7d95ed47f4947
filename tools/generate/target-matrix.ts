import { renderBehaviour } from '../../test/integration/target/behaviour.ts';
import type { Generator } from './generators.ts';

/** `docs/reference/target-matrix.md`: what becomes of a target, from the table that the tests carry out. */
export function targetMatrix(): Generator {
  return { name: 'Target matrix', render: () => new Map([['docs/reference/target-matrix.md', renderBehaviour()]]) };
}
