import { LuaFactory, LuaLibraries } from 'wasmoon';

export interface Health {
  readonly status: string;
  readonly message: string;
}

/** A health check as Argo CD runs it: `obj` is the resource, and of the libraries there are two. */
export type HealthScript = (resource: object) => Promise<Health>;

export function healthScript(lua: string): HealthScript {
  const factory = new LuaFactory();
  return async (resource) => {
    // A new Lua each time, as in Argo CD; wasmoon's own stack overflows when one runs many scripts. Without proxies
    // JavaScript's objects become tables.
    const engine = await factory.createEngine({ openStandardLibs: false, injectObjects: false, enableProxy: false });
    try {
      engine.global.loadLibrary(LuaLibraries.Base);
      engine.global.loadLibrary(LuaLibraries.Table);
      // In JSON and back: as it came over the wire.
      engine.global.set('obj', JSON.parse(JSON.stringify(resource)));
      return (await engine.doString(lua)) as Health;
    } finally {
      engine.global.close();
    }
  };
}
