// Copyright the iocp authors. MIT license.
import type { User } from "../native/files.ts";
import { deno, dlopen, unrefTimer } from "./deno_namespace.ts";
import {
  isGranted,
  requireAnyPath,
  requireEnv,
  requireFile,
  requireNet,
  requireNetResolved,
  requirePath,
  requireRead,
  requireUid,
} from "./deno_permissions.ts";
import { DenoParker } from "./deno_parker.ts";
import { nodeModule } from "./globals.ts";
import { NetAdapter } from "../http/net_adapter.ts";
import { type Native, SYMBOLS } from "../native/symbols.ts";
import type { Runtime } from "./types.ts";

/* Captured when the module is loaded; see globals.ts. */
const { setImmediate } = globalThis as unknown as {
  setImmediate(callback: () => void): void;
};

/** True under Deno. */
export function isCurrent(): boolean {
  return deno?.version?.deno !== undefined;
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

function env(variable: string): string | undefined {
  return isGranted({ name: "env", variable })
    ? deno.env.get(variable)
    : undefined;
}

function homeFolder(): string | undefined {
  try {
    return nodeModule<{ homedir(): string }>("node:os").homedir();
  } catch {
    /* The system knows of none. */
    return undefined;
  }
}

function user(): User {
  const isAllowed = (kind: "uid" | "homedir") =>
    isGranted({ name: "sys", kind });
  return {
    id: isAllowed("uid") ? deno.uid() ?? undefined : undefined,
    home: isAllowed("homedir") ? homeFolder() : undefined,
  };
}

/* Deno wraps a stream in a socket of its own, which is a member of the handle. */
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

/* "unload" is dispatched when the program has ended, and before `--watch` starts
 * it again. In Deno.exit() the process ends as well: then the system closes
 * everything, and until then other listeners of the event may still write. */
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
  drain: undefined,
  makeBallast() {
    /* A transferred buffer does not count as new memory. */
  },
  extendDuplex() {},
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
  requirePath,
  requireRead,
  requireFile,
  requireAnyPath,
  requireEnv,
  unsetEnv: (name) => deno.env.delete(name),
  requireUid,
  isPermissionError: (error) => error instanceof deno.errors.NotCapable,
  /* rustls keeps the sessions, and does not return them. */
  resumesTls: false,
  errorClass: (name) => deno.errors[name],
  transportOf,
  tlsStart: "_init",
  tlsUpgrade: undefined,
  makeServerAdapter: (server, handle) => new NetAdapter(server, handle),
  permissionHint: (path) =>
    isGranted({ name: "ffi", path })
      ? "check that the file can be read and executed"
      : `run again with --allow-ffi=${path} (or --allow-ffi)`,
};
