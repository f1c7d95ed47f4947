import { reasons } from '../../src/api/reasons.ts';
import type { Generator } from './generators.ts';

/** `docs/reference/reasons.md`: what each reason of a condition, event or error means. */
export function reasonsPage(): Generator {
  return { name: 'Reasons', render: () => new Map([['docs/reference/reasons.md', page()]]) };
}

function page(): string {
  const rows = Object.entries(reasons)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, meaning]) => `| \`${reason}\` | ${meaning.replaceAll('|', '\\|')} |`);
  return [
    '<!-- Generated from src/api/reasons.ts by npm run generate. Do not edit. -->',
    '# Reasons',
    '',
    'Every reason that can stand in a condition, an event or an error of the command line, and what to do about it. The',
    'message beside a reason names the objects concerned.',
    '',
    '| Reason | Meaning |',
    '|---|---|',
    ...rows,
    '',
  ].join('\n');
}
