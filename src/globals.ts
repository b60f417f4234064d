// Copyright the iocp authors. MIT license.
/* What both runtimes have under a global name. It is taken when the module is
 * loaded, since test tools put other things there later: fake timers, which never
 * fire, or the classes of a browser. Some of it no standard library of types
 * declares alike, so it is declared here, and users need neither runtime's
 * types. */

/** A timer of node:timers. */
export interface NodeTimer {
  refresh(): void;
  unref(): void;
}
/** The parts of node:timers that are used here. */
interface NodeTimers {
  setTimeout(callback: () => void, ms: number): NodeTimer;
  clearTimeout(timer: NodeTimer | undefined): void;
}
interface NodeProcess {
  getBuiltinModule(name: string): unknown;
  nextTick(callback: () => void): void;
}

const globals = globalThis as unknown as {
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  process?: NodeProcess;
};

export const { setTimeout, clearTimeout }: Pick<
  typeof globals,
  "setTimeout" | "clearTimeout"
> = globals;

/** Milliseconds of a clock that is never set. */
export const now: () => number = performance.now.bind(performance);

export const WebReadableStream: typeof ReadableStream =
  globalThis.ReadableStream;
export const WebWritableStream: typeof WritableStream =
  globalThis.WritableStream;
export const WebTextEncoder: typeof TextEncoder = globalThis.TextEncoder;
export const WebURL: typeof URL = globalThis.URL;
export const WebDOMException: typeof DOMException = globalThis.DOMException;
export const decodeBase64: (text: string) => string = globalThis.atob;
export const randomUUID: () => string = crypto.randomUUID.bind(crypto);

const { process } = globals;
const getBuiltinModule = process?.getBuiltinModule?.bind(process);

/** A module of Node's, of which the caller says what it uses. */
export function nodeModule<T>(name: string): T {
  return getBuiltinModule!(name) as T;
}

/* Fake timers replace those of the module as well. */
const timers = getBuiltinModule?.("node:timers") as NodeTimers;
/** As they are when the module is loaded. */
export const nodeTimers: NodeTimers = {
  setTimeout: timers?.setTimeout,
  clearTimeout: timers?.clearTimeout,
};
export const nextTick: NodeProcess["nextTick"] = process?.nextTick!;
