import type { Auditor } from '../audit/auditor.ts';
import type { Clock } from '../runtime/clock.ts';
import type { FailAt } from '../runtime/fail-point.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { Store } from '../store/store.ts';
import type { Keyring } from './keyring.ts';

/** What the engine works with. One object, made in the wiring, frozen. */
export interface EngineParts {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly auditor: Auditor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly failAt: FailAt;
}

/** On whose behalf the engine does something; every record in the audit log names it. */
export interface Caller {
  /** Aborted when the work must stop, in particular when leadership is lost. */
  readonly signal: AbortSignal;
  /** The Kubernetes identity, or the name of the controller. */
  readonly actor: { readonly kind: 'controller' | 'user'; readonly username: string };
  /** The custom resource that asked for it, if one did. */
  readonly resource?: { readonly kind: string; readonly namespace: string; readonly name: string; readonly uid: string };
}
