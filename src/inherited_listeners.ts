// Copyright the iocp authors. MIT license.
/* The listening sockets that a service manager passes to a program.
 * https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html */

import type { Addr } from "./native/address.ts";
import { listen } from "./shared_port.ts";
import type { Listener } from "./listener.ts";
import {
  type HandleListenOptions,
  handleListenSettings,
  requireListenHandle,
} from "./options/handle.ts";
import { requireOptions, wrongType } from "./options/validate.ts";
import { isWindows, runtime } from "./runtime/detect.ts";
import { nodeModule } from "./runtime/globals.ts";

/** Options of {@linkcode inheritedListeners}: those of every listener. */
export type InheritedListenOptions = Omit<
  HandleListenOptions,
  "fd" | "handle" | "ticket" | "share"
>;

/** A listener that was made by a service manager. */
export interface InheritedListener {
  /** Its `FileDescriptorName=` in systemd, or `"unknown"`. */
  readonly name: string;
  /** The number that its descriptor had, from 3 on. */
  readonly fd: number;
  /** The listener. */
  readonly listener: Listener<Addr>;
}

/* SD_LISTEN_FDS_START. */
const FIRST = 3;
/* The most descriptors of a process by default (fs.nr_open). */
const COUNT_MAX = 1_048_576;

function count(): number {
  const text = runtime.requireEnv("LISTEN_FDS") ?? "";
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= COUNT_MAX) return number;
  wrongType("LISTEN_FDS", "a number of descriptors, from 1 on", text);
}

function names(length: number): string[] {
  const text = runtime.requireEnv("LISTEN_FDNAMES");
  if (text === undefined) return Array.from({ length }, () => "unknown");
  const found = text.split(":");
  if (found.length === length) return found;
  wrongType("LISTEN_FDNAMES", `${length} names between colons`, text);
}

function isForThisProcess(): boolean {
  const { pid } = nodeModule<{ pid: number }>("node:process");
  const text = runtime.requireEnv("LISTEN_PID");
  return text !== undefined && Number(text) === pid;
}

/* Wrong options throw while the sockets can still be taken. */
function checkOptions(options: InheritedListenOptions): void {
  requireOptions(options);
  const given = options as Readonly<Record<string, unknown>>;
  for (const name of ["fd", "handle", "ticket", "share"]) {
    if (given[name] === undefined) continue;
    wrongType(name, "left out: LISTEN_FDS has the sockets", given[name]);
  }
  const key = isWindows ? "handle" : "fd";
  requireListenHandle({ ...options, [key]: FIRST });
  handleListenSettings(options, "tcp");
}

/**
 * Takes over the listening sockets that a service manager has made for this
 * process: those of `LISTEN_FDS` and `LISTEN_PID`, as systemd's socket activation
 * passes them. The variables are removed, so a second call returns none.
 *
 * @param options the options of all of them.
 * @returns the listeners in their order; none when the variables are not set, as on
 * Windows, or are for another process.
 * @throws {TypeError} or {RangeError} that names a wrong option, and {TypeError} when
 * the variables contradict each other. The variables are then left as they were.
 * @throws {SocketError} `ENOTSOCK` or `EINVAL` when one of the descriptors is not a
 * socket that listens for streams. Those before it are closed then; it and those
 * after it are left, since they may not be what the variables say.
 * @throws {NotSupported} for an option that one of them does not have; that one is
 * closed as well. Also on Windows, if the variables are for this process.
 * @throws Under Deno, `NotCapable` without the permission `env` for `LISTEN_PID`,
 * and, where that is the number of this process, for `LISTEN_FDS` and
 * `LISTEN_FDNAMES`, and without the permission to listen at the address of each.
 *
 * @example
 * ```ts
 * import { inheritedListeners, listen } from "iocp";
 *
 * const [inherited] = inheritedListeners();
 * using listener = inherited?.listener ??
 *   listen({ hostname: "127.0.0.1", port: 0 });
 * console.log(listener.addr);
 * ```
 */
export function inheritedListeners(
  options: InheritedListenOptions = {},
): InheritedListener[] {
  checkOptions(options);
  if (!isForThisProcess()) return [];
  const found = names(count());
  for (const name of ["PID", "FDS", "FDNAMES"]) {
    runtime.unsetEnv(`LISTEN_${name}`);
  }
  const result: InheritedListener[] = [];
  try {
    for (const [index, name] of found.entries()) {
      const fd = FIRST + index;
      result.push({ name, fd, listener: listen({ ...options, fd }) });
    }
  } catch (error) {
    for (const { listener } of result) listener.close();
    throw error;
  }
  return result;
}
