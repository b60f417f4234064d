// Copyright the iocp authors. MIT license.
import type { User } from "../native/files.ts";
import type {
  ServerAdapter,
  ServerHandle,
  ServerMembers,
} from "../http/node_server.ts";
import type { Native } from "../native/symbols.ts";

/** Waits outside of the JavaScript thread until a port has completions. */
export interface Parker {
  /** True from {@linkcode park} until its callback. */
  readonly isParked: boolean;
  /** Starts one wait of at most `timeoutMs` milliseconds (-1: no limit). `onWake`
   * is called once, when it ends. */
  park(timeoutMs: number): void;
  /** Whether a running wait keeps the process alive. */
  setRef(isRef: boolean): void;
  /** There is nothing to wait for at the moment. */
  idle(): void;
  /** Frees the resources of the parker. The port is deleted already. */
  close(): void;
}

/** Finds the runtime's own error class of that name, if it has one. */
export type ErrorClasses = (
  name: string,
) => (new (message?: string) => Error) | undefined;

/** What the module needs from its runtime. */
export interface Runtime {
  /** The name of the runtime: "Deno" or "Bun". */
  readonly name: string;
  readonly version: string;
  /** Operating system and architecture, for example "linux_x86_64". */
  readonly target: string;

  /** Whether the import of the module loads the library. */
  readonly preloads: boolean;

  /** Calls back when the current realm ends while its thread goes on, if the
   * runtime has an event for it. */
  onRealmEnd(callback: () => void): void;

  /** Opens the library; the path is absolute. */
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

  /** Runs the microtasks that are queued, as the runtime does after each callback of
   * its event loop. Only for code that such a callback runs directly. Undefined if
   * the runtime has no function for it. */
  readonly drain: (() => void) | undefined;

  /** Makes something to keep while buffers are transferred again and again, so that
   * the garbage collector does not run for each few of them. */
  makeBallast(): unknown;

  /** Adds to the class of duplexes what the runtime's modules need of it. */
  extendDuplex(prototype: object): void;

  /** Makes a timer of setTimeout() not keep the process alive. */
  unrefTimer(timer: unknown): void;

  /** The environment variable, or undefined when it is unset or cannot be read
   * without asking the user. */
  env(name: string): string | undefined;

  /** The user of the process, as far as it can be known without asking the
   * user. */
  user(): User;

  /** Whether the file may be read without asking the user. */
  canRead(path: string): boolean;

  /** Whether the file or folder may be written without asking the user. */
  canWrite(path: string): boolean;

  /** Whether the file may be loaded as a library without asking the user. */
  canLoad(path: string): boolean;

  /** Throws the runtime's own error when its own call with this address would
   * be refused. May ask the user. */
  requireNet(hostname: string, port: number): void;

  /** The same for an address that a permitted name resolved to. Does not ask. */
  requireNetResolved(hostname: string, port: number): void;

  /** Throws the runtime's own error when its own call with the path of a unix
   * socket would be refused. May ask the user. Returns the path to use. */
  requirePath(path: string): string;

  /** The same for a file that is only read. */
  requireRead(path: string): string;

  /** The same for a named pipe, and for a file that the library itself makes. */
  requireFile(path: string): void;

  /** The same for a local socket that no path stands for: one with an abstract
   * name, or without a name. */
  requireAnyPath(shown: string): void;

  /** The environment variable, or undefined when it is unset. May ask the user;
   * throws the runtime's own error when the user refuses. */
  requireEnv(name: string): string | undefined;

  /** Removes the variable, with the same permission. */
  unsetEnv(name: string): void;

  /** The id of the user, or undefined on Windows. May ask and throw likewise. */
  requireUid(): number | undefined;

  /** True for the error of a missing permission. */
  isPermissionError(error: unknown): boolean;

  /** The error classes of the runtime's own calls, by name. */
  readonly errorClass: ErrorClasses;

  /** Whether a client of node:tls can resume a session. */
  readonly resumesTls: boolean;

  /** The stream that a TLSSocket was made from, if any. */
  transportOf(socket: object): unknown;

  /** The method by which a TLSSocket starts, if it is destroyed as soon as the stream
   * below it is closed, with what was not read yet. */
  readonly tlsStart: string | undefined;

  /** The method by which a TLSSocket of a server takes its stream, if it looks for
   * a handle of the runtime's own in `_handle` first. */
  readonly tlsUpgrade: symbol | undefined;

  /** Makes a server of Node's modules use the handle instead of one of its own.
   * Throws a TypeError for any other object. */
  makeServerAdapter(server: ServerMembers, handle: ServerHandle): ServerAdapter;

  /** What the user can do when the library cannot be opened. */
  permissionHint(path: string): string;
}
