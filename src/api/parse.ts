import type { z } from 'zod';
import { KeysteadError } from './error.ts';
import type { KubeObject } from './meta.ts';

/**
 * Reads `spec` and fills in the defaults. The API server has checked it already, rules included; this catches a CRD that
 * is older or newer than the program, and gives the types. Returns, never throws, an error that stalls the resource.
 */
export function parseSpec<T extends z.ZodType>(schema: T, object: KubeObject<unknown, unknown>): z.output<T> | KeysteadError {
  const parsed = schema.safeParse(object.spec ?? {});
  if (parsed.success) {
    return parsed.data;
  }
  const problems = parsed.error.issues.slice(0, 5).map(describeIssue).join('; ');
  return new KeysteadError('InvalidSpec',
    `spec of ${object.kind} ${object.metadata.name} cannot be read: ${problems}. Correct it; if the API server accepted it, the CRDs are of another release than the operator: install both from one.`,
    'stalled');
}

/**
 * Says where and what was expected, never what was there: a value may be a secret put into the wrong field. zod's own
 * messages are not used, so that a new release of it cannot change this.
 */
function describeIssue(issue: z.core.$ZodIssue): string {
  const where = ['spec', ...issue.path.map(String)].join('.');
  switch (issue.code) {
    case 'invalid_type': return `${where} must be of type ${issue.expected}`;
    case 'invalid_value': return `${where} must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_big': return `${where} must be at most ${String(issue.maximum)}`;
    case 'too_small': return `${where} must be at least ${String(issue.minimum)}`;
    case 'invalid_format': return `${where} has the wrong form`;
    default: return `${where} is not valid`;
  }
}
