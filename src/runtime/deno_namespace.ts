// Copyright the iocp authors. MIT license.
/* The parts of Deno that are used here, so that neither compiler needs the other
 * runtime's types. https://docs.deno.com/api/deno/ */

/** The state of a permission. `partial`: granted, except for a part of it. */
export interface PermissionStatus {
  state: "granted" | "prompt" | "denied";
  partial?: boolean;
}

/** What a permission is for. */
export type PermissionDescriptor =
  | { name: "net"; host?: string }
  | { name: "env"; variable: string }
  | { name: "read" | "write"; path?: string }
  | { name: "ffi"; path: string }
  | { name: "sys"; kind: "uid" | "homedir" };

/** The `Deno` namespace. */
export interface DenoNamespace {
  version: { deno: string };
  build: { os: string; arch: string };
  internal: symbol;
  dlopen(path: string, symbols: Record<string, unknown>): {
    symbols: unknown;
  };
  env: { get(name: string): string | undefined; delete(name: string): void };
  errors:
    & { NotCapable: new (message: string) => Error }
    & Record<string, (new (message?: string) => Error) | undefined>;
  permissions: {
    querySync(descriptor: PermissionDescriptor): PermissionStatus;
    requestSync(descriptor: PermissionDescriptor): PermissionStatus;
  };
  uid(): number | null;
  unrefTimer(id: unknown): void;
}

/** Undefined in other runtimes, where nothing uses it. */
export const deno: DenoNamespace =
  (globalThis as unknown as { Deno?: DenoNamespace }).Deno!;

/* Captured when the module is loaded; see globals.ts. */

export const dlopen: DenoNamespace["dlopen"] = deno?.dlopen;
export const unrefTimer: DenoNamespace["unrefTimer"] = deno?.unrefTimer;
