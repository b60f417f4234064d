// Copyright the iocp authors. MIT license.
/**
 * The runtime that the module runs in. What differs between runtimes is in
 * `runtime/deno.ts` and `runtime/bun.ts`, and nowhere else.
 *
 * @module
 */

import * as bun from "./runtime/bun.ts";
import * as deno from "./runtime/deno.ts";
import { NotSupported, useErrorClasses } from "./errors.ts";
import type { Runtime } from "./runtime/types.ts";

function detect(): Runtime {
  for (const candidate of [deno, bun]) {
    if (candidate.isHere()) return candidate.runtime;
  }
  throw new NotSupported(
    "Cannot use iocp in this runtime: it needs the FFI of Deno or Bun",
  );
}

/** The one that runs this module. */
export const runtime: Runtime = detect();
useErrorClasses(runtime.errorClass);
