// Copyright the iocp authors. MIT license.
import type { User } from "../native/files.ts";
import type {
  ServerAdapter,
  ServerHandle,
  ServerMembers,
} from "../http/node_server.ts";
import type { Native } from "../native/symbols.ts";

/** Blocks outside the JavaScript thread until a port has completions. */
export interface Parker {
  /** True from {@linkcode park} until its callback. */
  readonly isParked: boolean;
  /** Starts one wait of at most so many milliseconds (-1: no limit); `onWake` is
   * called once when it ends. */
  park(timeoutMs: number): void;
  /** Whether a running wait holds the process alive. */
  setRef(isRef: boolean): void;
  /** There is nothing to wait for now, and may not be for long. */
  idle(): void;
  /** Gives back what the parker holds. The port is deleted already. */
  close(): void;
}

/** Finds the runtime's own class of errors of that name, where it has one. */
export type ErrorClasses = (
  name: string,
) => (new (message?: string) => Error) | undefined;

/** What the module needs of its runtime. */
export interface Runtime {
  /** As users write it. */
  readonly name: string;
  readonly version: string;
  /** "linux_x86_64" and the like: which library fits. */
  readonly target: string;

  /** Whether the library is loaded when the module is imported. */
  readonly preloads: boolean;

  /** Calls back when the realm ends in which this code runs, if the runtime
   * says so and its thread goes on. */
  onRealmEnd(callback: () => void): void;

  /** Opens the library at an absolute path. */
  open(path: string): Native;

  /** Makes the parker of a port. */
  makeParker(
    native: Native,
    path: string,
    port: number,
    onWake: () => void,
  ): Parker;

  /** Calls back in the next turn of the event loop. */
  defer(callback: () => void): void;

  /** Makes a timer of setTimeout() not hold the process alive. */
  unrefTimer(timer: unknown): void;

  /** The environment variable, or undefined when it is unset or not to be
   * read without asking the user. */
  env(name: string): string | undefined;

  /** The user that the process runs as, as far as it can be known without
   * asking. */
  user(): User;

  /** Whether the file may be read without asking the user. */
  canRead(path: string): boolean;

  /** Whether the file or folder may be written without asking the user. */
  canWrite(path: string): boolean;

  /** Whether the file may be loaded as a library without asking the user. */
  canLoad(path: string): boolean;

  /** Throws the runtime's own error when the stock call for this address
   * would be refused. */
  requireNet(hostname: string, port: number): void;

  /** The same for an address that a permitted name resolved to. */
  requireNetResolved(hostname: string, port: number): void;

  /** True for the error of a permission that is missing. */
  isPermissionError(error: unknown): boolean;

  /** The class of the errors that the stock calls throw, by its name. */
  readonly errorClass: ErrorClasses;

  /** The stream below a TLSSocket, if it has one. */
  transportOf(socket: object): unknown;

  /** Makes a server of Node's use that handle in the place of one of its own.
   * Throws a TypeError when it is no such server. */
  makeServerAdapter(server: ServerMembers, handle: ServerHandle): ServerAdapter;

  /** What to add to the command line when the library cannot be opened. */
  permissionHint(path: string): string;
}
