// Copyright the iocp authors. MIT license.
/* The permissions of Deno. Each call requests what Deno's own call needs. */

import { formatHost } from "../errors.ts";
import { deno, type PermissionDescriptor } from "./deno_namespace.ts";
import { nodeModule } from "./globals.ts";

/** Whether Deno would not ask the user. */
export function isGranted(descriptor: PermissionDescriptor): boolean {
  return deno.permissions.querySync(descriptor).state === "granted";
}

/* Whether everything of that name is granted, and nothing of it denied. It is asked
 * first, because Deno retains the status of each descriptor that it was ever asked
 * for: 400 bytes for each peer of a datagram socket. */
function isGrantedWhole(name: "net" | "read" | "write"): boolean {
  const { state, partial } = deno.permissions.querySync({ name });
  return state === "granted" && partial === false;
}

/* `shown` is what the message names. */
function requirePermission(
  descriptor: PermissionDescriptor,
  shown: string,
): void {
  const { name } = descriptor;
  if (name === "net" || name === "read" || name === "write") {
    if (isGrantedWhole(name)) return;
  }
  if (isGranted(descriptor)) return;
  const { state } = deno.permissions.requestSync(descriptor);
  if (state !== "granted") refuse(descriptor.name, shown);
}

function refuse(name: string, shown: string): never {
  throw new deno.errors.NotCapable(
    `Requires ${name} access to ${shown}, run again with the --allow-${name} flag`,
  );
}

/** Requires the network permission for a host. */
export function requireNet(hostname: string, port: number): void {
  const host = formatHost(hostname, port);
  requirePermission({ name: "net", host }, `"${host}"`);
}

/** The same for an address that a permitted name resolved to. */
export function requireNetResolved(hostname: string, port: number): void {
  if (isGrantedWhole("net")) return;
  const host = formatHost(hostname, port);
  const { state } = deno.permissions.querySync({ name: "net", host });
  if (state === "denied") refuse("net", `"${host}"`);
}

/** Requires the permissions to read and write a file. */
export function requireFile(path: string): void {
  for (const name of ["read", "write"] as const) {
    requirePermission({ name, path }, `"${path}"`);
  }
}

/* The path without ".." of its own, as Deno's own calls use it: the system must
 * not find another file than the one that is permitted. */
function resolved(path: string): string {
  return nodeModule<{ resolve(path: string): string }>("node:path")
    .resolve(path);
}

/** Requires the permission to read a file, and returns the path to use. */
export function requireRead(path: string): string {
  const absolute = resolved(path);
  requirePermission({ name: "read", path: absolute }, `"${absolute}"`);
  return absolute;
}

/** Requires the permissions for the path of a unix socket, and returns the path
 * to use. */
export function requirePath(path: string): string {
  const absolute = resolved(path);
  requireFile(absolute);
  /* To read and write the file is not enough: behind a socket there may be a
   * service such as Docker's that may do anything.
   * https://github.com/denoland/deno/pull/34395 */
  const host = `unix:${absolute}`;
  requirePermission({ name: "net", host }, `"${host}"`);
  return absolute;
}

/** The same for a local socket that is no file. */
export function requireAnyPath(shown: string): void {
  for (const name of ["read", "write", "net"] as const) {
    requirePermission({ name }, JSON.stringify(shown));
  }
}

/** Reads an environment variable. */
export function requireEnv(variable: string): string | undefined {
  requirePermission({ name: "env", variable }, `"${variable}"`);
  return deno.env.get(variable);
}

/** Returns the id of the user. */
export function requireUid(): number | undefined {
  requirePermission({ name: "sys", kind: "uid" }, '"uid"');
  return deno.uid() ?? undefined;
}
