import type { Declaration, ObjectHead } from '../vault/object-record.ts';

/** Where an object is that a resource declares. */
export interface DeclaredObject {
  readonly vaultId: string;
  readonly objectName: string;
}

/** `VaultSecret/namespace/name`. */
export function declarationKey(declaration: Pick<Declaration, 'kind' | 'namespace' | 'name'>): string {
  return `${declaration.kind}/${declaration.namespace}/${declaration.name}`;
}

function declarationsOf(head: ObjectHead | undefined): readonly Declaration[] {
  return [head?.secret, head?.certificate].flatMap((state) =>
    state?.declaredBy === undefined || state.deleted !== undefined ? [] : [state.declaredBy],
  );
}

/**
 * Which objects are declared by which resource, from the records: this is how the objects of a resource that is gone are
 * found, without finalizers (decisions 8). Kept up to date by `Objects`.
 */
export class Declarations {
  readonly #objects = new Map<string, Map<string, DeclaredObject>>();

  /** Takes in a change of one object's head. Answers the keys of resources that it touches. */
  update(before: ObjectHead | undefined, after: ObjectHead | undefined): ReadonlySet<string> {
    const touched = new Set<string>();
    for (const declaration of declarationsOf(before)) {
      const key = declarationKey(declaration);
      touched.add(key);
      const objects = this.#objects.get(key);
      objects?.delete(idOf(before));
      if (objects?.size === 0) this.#objects.delete(key);
    }
    for (const declaration of declarationsOf(after)) {
      const key = declarationKey(declaration);
      touched.add(key);
      const objects = this.#objects.get(key) ?? new Map<string, DeclaredObject>();
      if (after !== undefined) objects.set(idOf(after), { vaultId: after.vaultId, objectName: after.name });
      this.#objects.set(key, objects);
    }
    return touched;
  }

  /** Objects that this resource declares, or declared before it went. */
  of(key: string): readonly DeclaredObject[] {
    return [...(this.#objects.get(key)?.values() ?? [])];
  }

  /** All resources that declare something. */
  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }
}

function idOf(head: ObjectHead | undefined): string {
  return `${head?.vaultId ?? ''}/${head?.name.toLowerCase() ?? ''}`;
}
