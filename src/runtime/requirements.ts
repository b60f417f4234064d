// Copyright the iocp authors. MIT license.
/* Whether the module can run where it is. It is asked before anything else
 * runs, so that what is too old, or another runtime, is refused with one
 * sentence and not by whatever is missing first. */

/** The oldest versions in which all works. Deno 2.8 and Bun 1.4 are the first
 * with worker_threads.markAsUntransferable(), without which a Worker could be
 * given the memory of chunks that others hold, and with a node:http and a
 * node:tls that take any stream; process.getBuiltinModule() is older. */
export const OLDEST = { Deno: "2.8", Bun: "1.4" } as const;

/** What a global object may have that says where the module is. */
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

/** Says why the module cannot run there, or undefined when it can. */
export function obstacle(here: Surroundings): string | undefined {
  const { Deno, Bun, process } = here;
  const isDeno = Deno?.version?.deno !== undefined;
  const name = isDeno ? "Deno" : "Bun";
  const version = isDeno ? Deno.version?.deno : Bun?.version;
  if (version === undefined) {
    return `Cannot use iocp in ${
      nameOfOther(here)
    }: it needs the FFI of Deno ${OLDEST.Deno} or newer, or of Bun ${OLDEST.Bun} or newer`;
  }
  const what = `Cannot use iocp in ${name} ${version}`;
  if (isOlder(version, OLDEST[name])) {
    return `${what}: it needs ${name} ${OLDEST[name]} or newer`;
  }
  if (isDeno && typeof Deno.dlopen !== "function") {
    return `${what}: it needs Deno.dlopen(), which is missing here, as on hosts that run no native code`;
  }
  if (typeof process?.getBuiltinModule !== "function") {
    return `${what}: it needs process.getBuiltinModule(), which is missing here`;
  }
  return undefined;
}
