// Copyright the iocp authors. MIT license.
/* A realm is one run of a program: its global object and all that it made. A
 * thread may have several, one after the other: `deno run --watch` begins the
 * program again, and test runners give each file a realm of its own. The library
 * closes what an earlier one has left when the next makes its port, for which it
 * has to tell them apart. */

import { getRandomValues, nodeModule } from "../runtime/globals.ts";

/* The registry of symbols is the same for all copies of this module, so all of
 * them in one realm find one number, and do not close each other's ports. */
const KEY = Symbol.for("iocp.realm");

/**
 * The number of the realm that this code runs in, from 1 to 2^32 - 1.
 *
 * It is kept on an object that the runtime makes once for each realm. The global
 * object is not that: contexts of `node:vm` have one of their own, and live
 * beside the realm that has made them and lent them its modules.
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
