// Copyright the iocp authors. MIT license.
import type { User } from "../native/files.ts";
import { NetAdapter } from "../http/net_adapter.ts";
import { BunHttpAdapter, isHttpServer } from "./bun_http.ts";
import { joinResponsesOf } from "./bun_http_response.ts";
import { openLibrary } from "./bun_library.ts";
import { BunParker } from "./bun_parker.ts";
import { nodeModule } from "./globals.ts";
import type { Runtime } from "./types.ts";

/* The parts of Bun that are used here, so that neither compiler needs the other
 * runtime's types. */
interface BunJsc {
  drainMicrotasks: () => void;
}
interface BunProcess {
  platform: string;
  arch: string;
  env: Record<string, string | undefined>;
  getuid?(): number;
}

const { Bun: bun, process, setImmediate } = globalThis as unknown as {
  Bun?: { version: string };
  process: BunProcess;
  /* Captured when the module is loaded; see globals.ts. */
  setImmediate(callback: () => void): void;
};

/** True under Bun. */
export function isCurrent(): boolean {
  return bun?.version !== undefined;
}

function env(name: string): string | undefined {
  return process.env[name];
}

function user(): User {
  const id = process.getuid?.();
  try {
    const { homedir } = nodeModule<{ homedir(): string }>("node:os");
    return { id, home: homedir() };
  } catch {
    /* The system knows of no home folder. */
    return { id };
  }
}

const OS_NAMES: Record<string, string> = { win32: "windows" };
const ARCH_NAMES: Record<string, string> = { x64: "x86_64", arm64: "aarch64" };

let drainMicrotasks: (() => void) | undefined;
let upgraded: symbol | undefined;

/* Bun has it in a member under a symbol that only such a socket has. */
function transportOf(socket: object): unknown {
  upgraded ??= Object.getOwnPropertySymbols(socket).find((symbol) =>
    symbol.description === "kupgraded"
  );
  return upgraded && (socket as Record<symbol, unknown>)[upgraded];
}

const BALLAST_BYTES = 32 * 1024 * 1024;

/** Bun's side of {@linkcode Runtime}. */
export const runtime: Runtime = {
  name: "Bun",
  version: bun?.version!,
  target: `${OS_NAMES[process?.platform] ?? process?.platform}_${
    ARCH_NAMES[process?.arch] ?? process?.arch
  }`,
  open: openLibrary,
  makeParker: (_native, path, port, onWake) =>
    new BunParker(path, port, onWake),
  defer: (callback) => setImmediate(callback),
  drain() {
    drainMicrotasks ??= nodeModule<BunJsc>("bun:jsc").drainMicrotasks;
    drainMicrotasks();
  },
  /* A transferred buffer counts as new memory, and the collector runs when as much
   * is new as is live. This is live and costs only addresses, since it is never
   * written to. With 32 MiB, a collection is for some 500 chunks of 64 KiB instead of
   * some 100; see docs/where_the_time_goes.md. */
  makeBallast: () => new ArrayBuffer(BALLAST_BYTES),
  extendDuplex: joinResponsesOf,
  unrefTimer: (timer) => (timer as { unref(): void }).unref(),
  env,
  user,
  /* Bun's test runner does not look for what a test has loaded. */
  preloads: false,
  onRealmEnd() {
    /* Bun has no event for it. */
  },
  canRead: () => true,
  canWrite: () => true,
  canLoad: () => true,
  requireNet() {
    /* Bun has no permissions. */
  },
  requireNetResolved() {
    /* Bun has no permissions. */
  },
  requirePath: (path) => path,
  requireRead: (path) => path,
  requireFile() {
    /* Bun has no permissions. */
  },
  requireAnyPath() {
    /* Bun has no permissions. */
  },
  requireEnv: env,
  unsetEnv(name) {
    delete process.env[name];
  },
  requireUid: () => process.getuid?.(),
  isPermissionError: () => false,
  /* Bun has one class for all errors. */
  errorClass: () => undefined,
  resumesTls: true,
  transportOf,
  tlsStart: undefined,
  tlsUpgrade: Symbol.for("::bunUpgradeServerTLS::"),
  makeServerAdapter: (server, handle) =>
    isHttpServer(server)
      ? new BunHttpAdapter(server, handle)
      : new NetAdapter(server, handle),
  permissionHint: () => "check that the file can be read and executed",
};
