// Copyright the iocp authors. MIT license.
/* A realm is one run of a program: its global object and all that it has made. A
 * thread may have several, one after the other: `deno run --watch` starts the
 * program again, and test runners give each file its own realm. When a realm makes
 * its port, the library closes the sockets that earlier realms have left open. It
 * knows them by their numbers. */

import { getRandomValues, nodeModule } from "../runtime/globals.ts";

/* All copies of this module in a realm share the registry of symbols, and thereby
 * one number, so that they do not close each other's ports. */
const KEY = Symbol.for("iocp.realm");

/**
 * The number of the realm that this code runs in, from 1 to 2^32 - 1.
 *
 * It is a property of an object that the runtime makes once for each realm. The
 * global object would not do: a context of `node:vm` has its own, but uses the
 * modules of the realm that has made it.
 */
export function realmNumber(): number {
  const holder = nodeModule<Record<symbol, number | undefined>>("node:process");
  const known = holder[KEY];
  if (known !== undefined) return known;
  const [drawn] = getRandomValues(new Uint32Array(1));
  const value = drawn || 1;
  Object.defineProperty(holder, KEY, { value });
  return value;
}
