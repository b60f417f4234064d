// Copyright the iocp authors. MIT license.
import type { User } from "../native/files.ts";
import { clearTimeout, setTimeout } from "./globals.ts";
import { NetAdapter } from "../http/net_adapter.ts";
import { type Native, SYMBOLS } from "../native/symbols.ts";
import type { Parker, Runtime } from "./types.ts";

/* The parts of Deno that are used here, so that neither compiler needs the
 * other runtime's types. https://docs.deno.com/api/deno/ */
type PermissionState = "granted" | "prompt" | "denied";
type PermissionDescriptor =
  | { name: "net"; host: string }
  | { name: "env"; variable: string }
  | { name: "read" | "write"; path: string }
  | { name: "ffi"; path: string }
  | { name: "sys"; kind: "uid" | "homedir" };
interface DenoNamespace {
  version: { deno: string };
  build: { os: string; arch: string };
  internal: symbol;
  dlopen(path: string, symbols: Record<string, unknown>): {
    symbols: unknown;
  };
  env: { get(name: string): string | undefined };
  errors:
    & { NotCapable: new (message: string) => Error }
    & Record<string, (new (message?: string) => Error) | undefined>;
  permissions: {
    querySync(descriptor: PermissionDescriptor): { state: PermissionState };
    requestSync(descriptor: PermissionDescriptor): { state: PermissionState };
  };
  uid(): number | null;
  unrefTimer(id: unknown): void;
}
/* Not public: an operation that does not hold the process alive. Where it is
 * missing, a timer stands in. https://github.com/denoland/deno_core */
interface DenoCore {
  refOpPromise(promise: Promise<unknown>): void;
  unrefOpPromise(promise: Promise<unknown>): void;
}
type Nonblocking = (port: number, timeoutMs: number) => Promise<number>;

/* As they are when the module is loaded; see globals.ts. */
const { setImmediate } = globalThis as unknown as {
  setImmediate(callback: () => void): void;
};

/** How often an unref'd port is polled where no wait can be unref'd. */
const UNREF_POLL_MS = 5;

const deno = (globalThis as unknown as { Deno?: DenoNamespace }).Deno!;

const { dlopen, unrefTimer } = deno ?? {};

/** True under Deno. */
export function isCurrent(): boolean {
  return deno?.version?.deno !== undefined;
}

const core = (): DenoCore | undefined => {
  const internals = (deno as unknown as Record<symbol, { core?: DenoCore }>)[
    deno.internal
  ];
  const core = internals?.core;
  return typeof core?.unrefOpPromise === "function" &&
      typeof core.refOpPromise === "function"
    ? core
    : undefined;
};

/** One pending non-blocking call of iocp_wait() a port. */
class DenoParker implements Parker {
  #native: Native & { wait_nonblocking: Nonblocking };
  #port: number;
  #onWake: () => void;
  #isRef = true;
  #wait: Promise<unknown> | undefined;
  #timer: unknown;
  #core = core();

  constructor(native: Native, port: number, onWake: () => void) {
    this.#native = native as Native & { wait_nonblocking: Nonblocking };
    this.#port = port;
    this.#onWake = onWake;
  }

  get isParked(): boolean {
    return this.#wait !== undefined || this.#timer !== undefined;
  }

  park(timeoutMs: number): void {
    if (!this.#isRef && this.#core === undefined) {
      this.#timer = setTimeout(this.#woken, UNREF_POLL_MS);
      unrefTimer(this.#timer);
      return;
    }
    this.#wait = this.#native.wait_nonblocking(this.#port, timeoutMs);
    if (!this.#isRef) this.#core!.unrefOpPromise(this.#wait);
    this.#wait.then(this.#woken);
  }

  #woken = (): void => {
    this.#wait = undefined;
    this.#timer = undefined;
    this.#onWake();
  };

  setRef(isRef: boolean): void {
    if (isRef === this.#isRef) return;
    this.#isRef = isRef;
    if (this.#wait === undefined) return;
    if (this.#core === undefined) {
      /* The wait holds the process, so it must end and a timer take over. */
      if (!isRef) this.#native.iocp_wake(this.#port);
    } else if (isRef) {
      this.#core.refOpPromise(this.#wait);
    } else {
      this.#core.unrefOpPromise(this.#wait);
    }
  }

  idle(): void {
    /* A thread that has nothing to do is the runtime's own. */
  }

  close(): void {
    /* The deleted port has ended the wait. */
    clearTimeout(this.#timer);
  }
}

function open(path: string): Native {
  const symbols: Record<string, unknown> = {
    wait_nonblocking: {
      ...SYMBOLS.iocp_wait,
      name: "iocp_wait",
      nonblocking: true,
    },
  };
  for (const [name, { parameters, result }] of Object.entries(SYMBOLS)) {
    symbols[name] = { parameters, result };
  }
  return dlopen(path, symbols).symbols as Native;
}

function isGranted(descriptor: PermissionDescriptor): boolean {
  return deno.permissions.querySync(descriptor).state === "granted";
}

function env(variable: string): string | undefined {
  return isGranted({ name: "env", variable })
    ? deno.env.get(variable)
    : undefined;
}

function homeOfUser(): string | undefined {
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule(name: "node:os"): { homedir(): string } };
  };
  try {
    return process.getBuiltinModule("node:os").homedir();
  } catch {
    /* The user has none that the system knows of. */
    return undefined;
  }
}

function user(): User {
  const mayKnow = (kind: "uid" | "homedir") => isGranted({ name: "sys", kind });
  return {
    id: mayKnow("uid") ? deno.uid() ?? undefined : undefined,
    home: mayKnow("homedir") ? homeOfUser() : undefined,
  };
}

function hostOf(hostname: string, port: number): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

function refuseNet(host: string): never {
  throw new deno.errors.NotCapable(
    `Requires net access to "${host}", run again with the --allow-net flag`,
  );
}

function requireNet(hostname: string, port: number): void {
  const host = hostOf(hostname, port);
  if (isGranted({ name: "net", host })) return;
  const { state } = deno.permissions.requestSync({ name: "net", host });
  if (state !== "granted") refuseNet(host);
}

function requireNetResolved(hostname: string, port: number): void {
  const host = hostOf(hostname, port);
  const { state } = deno.permissions.querySync({ name: "net", host });
  if (state === "denied") refuseNet(host);
}

/* The runtime wraps a stream in a socket of its own, which its handle has. */
function transportOf(socket: object): unknown {
  const { _handle } = socket as {
    _handle?: { _parentWrap?: { stream?: unknown } | null } | null;
  };
  return _handle?._parentWrap?.stream;
}

/* Whether Deno.exit() is on the stack. */
function isExiting(): boolean {
  return /\bexit \(ext:/.test(new Error().stack ?? "");
}

/* The event comes when the program has ended, and when `--watch` is about to
 * begin it again. When the process ends as well, in Deno.exit(), the system
 * closes everything, and until then other listeners of the event may write. */
function onRealmEnd(callback: () => void): void {
  const events = globalThis as unknown as {
    addEventListener(type: "unload", listener: () => void): void;
  };
  events.addEventListener("unload", () => {
    if (!isExiting()) callback();
  });
}

/** Deno's side of {@linkcode Runtime}. */
export const runtime: Runtime = {
  name: "Deno",
  version: deno?.version?.deno,
  target: `${deno?.build?.os}_${deno?.build?.arch}`,
  open,
  makeParker: (native, _path, port, onWake) =>
    new DenoParker(native, port, onWake),
  defer: (callback) => setImmediate(callback),
  unrefTimer: (timer) => unrefTimer(timer),
  env,
  user,
  preloads: true,
  onRealmEnd,
  canRead: (path) => isGranted({ name: "read", path }),
  canWrite: (path) => isGranted({ name: "write", path }),
  canLoad: (path) => isGranted({ name: "ffi", path }),
  requireNet,
  requireNetResolved,
  isPermissionError: (error) => error instanceof deno.errors.NotCapable,
  errorClass: (name) => deno.errors[name],
  transportOf,
  makeServerAdapter: (server, handle) => new NetAdapter(server, handle),
  permissionHint: (path) =>
    `run again with --allow-ffi=${path} (or --allow-ffi)`,
};
