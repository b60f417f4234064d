// Copyright the iocp authors. MIT license.
/* Whether the module can run in the current runtime. It is checked before anything
 * else, so that another or too old a runtime gets one clear error. */

/** The oldest supported versions. Deno 2.8 and Bun 1.4 are the first with
 * worker_threads.markAsUntransferable(), without which the memory of chunks could
 * be transferred to a Worker with one of them, and with a node:http and a node:tls
 * that accept any stream. process.getBuiltinModule() is older. */
export const OLDEST = { Deno: "2.8", Bun: "1.4" } as const;

/** The members of the global object that identify a runtime. */
export interface Surroundings {
  readonly Deno?: {
    readonly version?: { readonly deno?: string };
    readonly dlopen?: unknown;
  };
  readonly Bun?: { readonly version?: string };
  readonly process?: {
    readonly versions?: { readonly node?: string };
    readonly getBuiltinModule?: unknown;
  };
  readonly navigator?: { readonly userAgent?: string };
}

function isOlder(version: string, oldest: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number.parseFloat);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split(".").map(Number);
  return major < oldestMajor || major === oldestMajor && minor < oldestMinor;
}

function nameOfOther({ process, navigator }: Surroundings): string {
  const node = process?.versions?.node;
  if (node !== undefined) return `Node.js ${node}`;
  const agent = navigator?.userAgent;
  if (agent === undefined) return "this runtime";
  return agent.startsWith("Mozilla/") ? "a browser" : agent;
}

/** Returns why the module cannot run there, or undefined when it can. */
export function obstacle(global: Surroundings): string | undefined {
  const { Deno, Bun, process } = global;
  const isDeno = Deno?.version?.deno !== undefined;
  const name = isDeno ? "Deno" : "Bun";
  const version = isDeno ? Deno.version?.deno : Bun?.version;
  if (version === undefined) {
    return `Cannot use iocp in ${
      nameOfOther(global)
    }: it needs the FFI of Deno ${OLDEST.Deno} or newer, or of Bun ${OLDEST.Bun} or newer`;
  }
  const what = `Cannot use iocp in ${name} ${version}`;
  if (isOlder(version, OLDEST[name])) {
    return `${what}: it needs ${name} ${OLDEST[name]} or newer`;
  }
  if (isDeno && typeof Deno.dlopen !== "function") {
    return `${what}: it needs Deno.dlopen(), which hosts without native code do not have`;
  }
  if (typeof process?.getBuiltinModule !== "function") {
    return `${what}: it needs process.getBuiltinModule(), which is missing`;
  }
  return undefined;
}
