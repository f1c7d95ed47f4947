/**
 * What becomes of the Secret of a target, by policy and event: the table that behaviour.test.ts carries out on a real API
 * server, cell by cell, and that docs/reference/target-matrix.md is made of. Neither can say what the other does not.
 */

export const policies = ['Owner/Delete', 'Owner/Retain', 'Orphan/Delete', 'Orphan/Retain', 'Merge/Delete', 'Merge/Retain'] as const;
export type Policies = (typeof policies)[number];

export type Outcome =
  | 'created' | 'updated' | 'replaced' | 'merged' | 'unchanged' | 'deleted' | 'kept' | 'keys removed' | 'keys kept'
  | 'Conflict' | 'MergeNotAllowed' | 'ConsentWithdrawn' | 'refused by the schema';

export interface Row {
  readonly event: EventName;
  /** For the reader of the docs. */
  readonly title: string;
  /** In the order of `policies`. */
  readonly outcomes: readonly [Outcome, Outcome, Outcome, Outcome, Outcome, Outcome];
}

export type EventName =
  | 'absent' | 'foreign' | 'foreignConsenting' | 'unchanged' | 'newValue' | 'newValueImmutable' | 'foreignEdit' | 'foreignDelete' | 'labelRemoved'
  | 'foreignLabel' | 'secondResource' | 'recreated' | 'renamed' | 'targetRemoved' | 'consentWithdrawn';

function whole(outcome: Outcome): [Outcome, Outcome, Outcome, Outcome] {
  return [outcome, outcome, outcome, outcome];
}

export const behaviour: readonly Row[] = [
  { event: 'absent', title: 'There is no Secret of that name', outcomes: [...whole('created'), 'MergeNotAllowed', 'MergeNotAllowed'] },
  { event: 'foreign', title: 'A Secret of somebody else has that name', outcomes: [...whole('Conflict'), 'MergeNotAllowed', 'MergeNotAllowed'] },
  { event: 'foreignConsenting', title: 'The same, with the label `keystead.dev/merge`', outcomes: [...whole('Conflict'), 'merged', 'merged'] },
  { event: 'secondResource', title: 'Another resource wrote it first', outcomes: [...whole('Conflict'), 'merged', 'merged'] },
  { event: 'unchanged', title: 'Nothing has changed, or the operator starts', outcomes: [...whole('unchanged'), 'unchanged', 'unchanged'] },
  { event: 'newValue', title: 'There is a new version', outcomes: [...whole('updated'), 'merged', 'merged'] },
  { event: 'newValueImmutable', title: 'There is a new version, and the target is `immutable`', outcomes: [...whole('replaced'), 'refused by the schema', 'refused by the schema'] },
  { event: 'foreignEdit', title: 'Somebody changes one of our values', outcomes: [...whole('updated'), 'Conflict', 'Conflict'] },
  { event: 'foreignLabel', title: 'Somebody adds labels, annotations or (Merge) keys of his own', outcomes: [...whole('unchanged'), 'unchanged', 'unchanged'] },
  { event: 'foreignDelete', title: 'Somebody deletes the Secret', outcomes: [...whole('created'), 'MergeNotAllowed', 'MergeNotAllowed'] },
  { event: 'labelRemoved', title: 'Somebody removes the label `keystead.dev/managed`, or (Merge) `keystead.dev/merge`', outcomes: [...whole('Conflict'), 'MergeNotAllowed', 'MergeNotAllowed'] },
  { event: 'recreated', title: 'The resource is deleted and made again under the same name, before anything else happened', outcomes: [...whole('updated'), 'merged', 'merged'] },
  { event: 'consentWithdrawn', title: 'Consent of the vault or the namespace is withdrawn, and there is a new version', outcomes: [...whole('ConsentWithdrawn'), 'ConsentWithdrawn', 'ConsentWithdrawn'] },
  { event: 'renamed', title: 'The resource names another target: the old Secret, after the new one was written', outcomes: ['deleted', 'kept', 'deleted', 'kept', 'keys removed', 'keys kept'] },
  { event: 'targetRemoved', title: 'The resource is deleted, or has no target any more', outcomes: ['deleted', 'kept', 'deleted', 'kept', 'keys removed', 'keys kept'] },
];

/** The page for people. */
export function renderBehaviour(rows: readonly Row[] = behaviour): string {
  const cells = (texts: readonly string[]): string => `| ${texts.join(' | ')} |`;
  const table = [
    cells(['what happens', ...policies.map((policy) => policy.replace('/', ' / '))]),
    cells(Array.from({ length: policies.length + 1 }, () => '---')),
    ...rows.map(({ title, outcomes }) => cells([title, ...outcomes.map((outcome) => (/^[A-Z]/.test(outcome) ? `\`${outcome}\`` : outcome))])),
  ];
  return `<!-- Generated from test/integration/target/behaviour.ts by npm run generate. Do not edit. -->
# What becomes of a target

The table is carried out, cell by cell, by the tests on a real API server.

Columns are \`creationPolicy / deletionPolicy\` of \`spec.target\`. The defaults are Owner / Delete, Orphan / Retain and Merge / Retain.
A word in \`code\` is the reason that the resource's Ready condition gives; the Secret is left exactly as it is then.

${table.join('\n')}

- *created, updated, replaced*: Keystead writes the whole of \`data\`; labels, annotations, owners and finalizers of others are kept.
- *replaced*: the values of an immutable Secret cannot be changed, so it is deleted and created anew. For a moment there is no Secret. Pods that
  are running do not notice; a pod that starts in that moment waits and is tried again by the kubelet.
- *merged*: only Keystead's own keys are written, by server-side apply under a field manager for each resource. A key that somebody else set, or
  took over, stays his, and the resource says \`Conflict\`.
- *unchanged*: no write at all, and nothing is decrypted.
- *kept, keys kept*: the Secret stays with its marks, so that the same resource, made again, goes on with it.
- With Owner / Delete in the resource's own namespace the Secret also has an owner reference, so Kubernetes deletes it even while Keystead is away.
- An object that is disabled or soft-deleted leaves its target as it is.
- A Secret that somebody else rewrites in a loop is put right five times, then once a minute (\`TargetContested\`).
`;
}
