// Copyright the iocp authors. MIT license.
import type { User } from "../native/files.ts";
import { NetAdapter } from "../http/net_adapter.ts";
import { clearTimeout, setTimeout } from "./globals.ts";
import { type Native, SYMBOLS } from "../native/symbols.ts";
import { BunHttpAdapter, isHttpServer } from "./bun_http.ts";
import type { Parker, Runtime } from "./types.ts";

/* The parts of Bun that are used here, so that neither compiler needs the
 * other runtime's types. https://bun.com/docs/runtime/ffi */
interface BunFfi {
  dlopen(path: string, symbols: Record<string, unknown>): {
    symbols: unknown;
  };
}
interface BunProcess {
  platform: string;
  arch: string;
  env: Record<string, string | undefined>;
  getuid?(): number;
  getBuiltinModule(name: "bun:ffi"): BunFfi;
  getBuiltinModule(name: "node:os"): { homedir(): string };
}
interface BunWorker {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
  ref(): void;
  unref(): void;
  terminate(): void;
}

const bun = (globalThis as unknown as {
  Bun?: { version: string; isMainThread: boolean };
}).Bun!;
const process = (globalThis as unknown as { process: BunProcess }).process;
/* As they are when the module is loaded; see globals.ts. */
const { setImmediate, Blob, URL, Worker } = globalThis as unknown as {
  setImmediate(callback: () => void): void;
  Blob: new (parts: string[], options: { type: string }) => unknown;
  URL: { createObjectURL(blob: unknown): string };
  Worker: new (url: string) => BunWorker;
};
const { createObjectURL } = URL;
const getBuiltinModule = process?.getBuiltinModule?.bind(process);

/** True under Bun. */
export function isCurrent(): boolean {
  return bun?.version !== undefined;
}

/* The helper blocks in iocp_wait() and does nothing else. Its source is a
 * string, so that it needs no file of its own when the module is bundled. */
const HELPER = `
  const { dlopen } = process.getBuiltinModule("bun:ffi");
  let wait;
  self.onmessage = ({ data: [path, port, timeoutMs, stepMs] }) => {
    wait ??= dlopen(path, {
      iocp_wait: { args: ["i32", "i32"], returns: "i32" },
    }).symbols.iocp_wait;
    const end = timeoutMs < 0 ? Infinity : performance.now() + timeoutMs;
    for (;;) {
      const left = end - performance.now();
      if (wait(port, left < stepMs ? Math.ceil(left) : stepMs) !== 0) break;
      if (performance.now() >= end) break;
    }
    self.postMessage(0);
  };
`;

/* On Windows the end of a Worker waits for those that it has started, and
 * nothing ends a call of theirs, so there the helper looks up from time to time
 * (seen in Bun 1.4.5). Elsewhere, and in the main thread, one wait is enough. */
const STEP_MS = process?.platform === "win32" && !bun?.isMainThread
  ? 250
  : 2 ** 31 - 1;

/* A helper with nothing to wait for is ended after this time. To start one takes
 * milliseconds, so it stays for a while. */
const REST_MS = 1_000;

/** A helper Worker for the loop, since this FFI has no non-blocking calls. */
class BunParker implements Parker {
  #path: string;
  #port: number;
  #onWake: () => void;
  #isRef = true;
  #worker: BunWorker | undefined;
  /* Runs while the helper rests. */
  #resting: unknown;
  isParked = false;

  constructor(path: string, port: number, onWake: () => void) {
    this.#path = path;
    this.#port = port;
    this.#onWake = onWake;
  }

  #start(): BunWorker {
    const url = createObjectURL(
      new Blob([HELPER], { type: "text/javascript" }),
    );
    const worker = new Worker(url);
    worker.onmessage = () => {
      this.isParked = false;
      this.#hold(false);
      this.#onWake();
    };
    return worker;
  }

  /* Only a running wait may hold the process, not the helper as such. */
  #hold(isHeld: boolean): void {
    if (isHeld) this.#worker?.ref();
    else this.#worker?.unref();
  }

  park(timeoutMs: number): void {
    if (this.#resting !== undefined) this.#stopResting();
    this.#worker ??= this.#start();
    this.isParked = true;
    this.#hold(this.#isRef);
    this.#worker.postMessage([this.#path, this.#port, timeoutMs, STEP_MS]);
  }

  idle(): void {
    if (this.#resting !== undefined || this.#worker === undefined) return;
    this.#resting = setTimeout(() => {
      this.#resting = undefined;
      /* Its wait was told to end, and has not yet. */
      if (this.isParked) this.idle();
      else this.#end();
    }, REST_MS);
    (this.#resting as { unref(): void }).unref();
  }

  #stopResting(): void {
    clearTimeout(this.#resting);
    this.#resting = undefined;
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  setRef(isRef: boolean): void {
    if (isRef === this.#isRef) return;
    this.#isRef = isRef;
    if (this.isParked) this.#hold(isRef);
  }

  close(): void {
    this.#stopResting();
    this.#end();
  }
}

function open(path: string): Native {
  const symbols: Record<string, unknown> = {};
  for (const [name, { parameters, result }] of Object.entries(SYMBOLS)) {
    const args = parameters.map((type) => type === "buffer" ? "ptr" : type);
    symbols[name] = { args, returns: result };
  }
  const ffi = getBuiltinModule("bun:ffi");
  return ffi.dlopen(path, symbols).symbols as Native;
}

function env(name: string): string | undefined {
  return process.env[name];
}

function user(): User {
  const id = process.getuid?.();
  try {
    return { id, home: process.getBuiltinModule("node:os").homedir() };
  } catch {
    /* The user has none that the system knows of. */
    return { id };
  }
}

const OS_NAMES: Record<string, string> = { win32: "windows" };
const ARCH_NAMES: Record<string, string> = { x64: "x86_64", arm64: "aarch64" };

let upgraded: symbol | undefined;

/* The runtime keeps it in a member whose symbol only such a socket shows. */
function transportOf(socket: object): unknown {
  upgraded ??= Object.getOwnPropertySymbols(socket).find((symbol) =>
    symbol.description === "kupgraded"
  );
  return upgraded && (socket as Record<symbol, unknown>)[upgraded];
}

/** Bun's side of {@linkcode Runtime}. */
export const runtime: Runtime = {
  name: "Bun",
  version: bun?.version,
  target: `${OS_NAMES[process?.platform] ?? process?.platform}_${
    ARCH_NAMES[process?.arch] ?? process?.arch
  }`,
  open,
  makeParker: (_native, path, port, onWake) =>
    new BunParker(path, port, onWake),
  defer: (callback) => setImmediate(callback),
  unrefTimer: (timer) => (timer as { unref(): void }).unref(),
  env,
  user,
  /* Nothing asks what a test has loaded. */
  preloads: false,
  onRealmEnd() {
    /* No event tells of it. */
  },
  canRead: () => true,
  canWrite: () => true,
  canLoad: () => true,
  requireNet() {
    /* Bun has no permissions to ask for. */
  },
  requireNetResolved() {
    /* Bun has no permissions to ask for. */
  },
  isPermissionError: () => false,
  /* Bun has one class for all of them. */
  errorClass: () => undefined,
  transportOf,
  makeServerAdapter: (server, handle) =>
    isHttpServer(server)
      ? new BunHttpAdapter(server, handle)
      : new NetAdapter(server, handle),
  permissionHint: () => "check that the file can be read and executed",
};
