// Copyright the iocp authors. MIT license.
/* What a command-line program asks of its runtime. In contrast to
 * {@linkcode Runtime} it also describes runtimes that cannot run the module,
 * so that the doctor can report them. */

import { bunHost, isBun } from "./bun_host.ts";
import { denoHost, isDeno } from "./deno_host.ts";
import { nodeHost } from "./node_host.ts";

/** A permission that a runtime may refuse. */
export type Permission =
  | { readonly name: "net"; readonly host?: string }
  | { readonly name: "env"; readonly variable?: string }
  | { readonly name: "read" | "write" | "ffi"; readonly path?: string }
  | { readonly name: "run"; readonly command?: string }
  | {
    readonly name: "sys";
    readonly kind?: "osRelease" | "cpus" | "systemMemoryInfo" | "homedir";
  };

/** The state of a permission; only "granted" needs no question to the user. */
export type PermissionState = "granted" | "prompt" | "denied";

/** The runtime of a command-line program. */
export interface Host {
  /** "Deno", "Bun" or "Node.js". */
  readonly name: string;
  readonly version: string;
  /** The JavaScript engine, for example "V8 15.0". */
  readonly engine: string;
  /** Whether the runtime has permissions at all. */
  readonly hasPermissions: boolean;
  /** The command-line arguments, without the program. */
  readonly args: readonly string[];
  /** Returns the state of a permission. Never asks the user. */
  permission(permission: Permission): PermissionState;
  /** Calls a C function without parameters that returns a string; undefined when
   * the library or the function is missing. Needs the permission "ffi". */
  callString(library: string, symbol: string): string | undefined;
  /** Writes a line to standard output. */
  print(text: string): void;
  /** Writes a line to standard error. */
  printError(text: string): void;
  /** Ends the process. */
  exit(code: number): never;
}

/** The runtime that runs this program. */
export function currentHost(): Host {
  if (isDeno()) return denoHost();
  return isBun() ? bunHost() : nodeHost();
}
