// Copyright the iocp authors. MIT license.
/**
 * The runtime that the module runs in. What differs between runtimes is in
 * `runtime/deno.ts` and `runtime/bun.ts`, and nowhere else.
 *
 * @module
 */

import * as bun from "./bun.ts";
import * as deno from "./deno.ts";
import { NotSupported, useErrorClasses } from "../errors.ts";
import { obstacle, type Surroundings } from "./requirements.ts";
import type { Runtime } from "./types.ts";

function detect(): Runtime {
  const reason = obstacle(globalThis as Surroundings);
  if (reason !== undefined) throw new NotSupported(reason);
  return deno.isCurrent() ? deno.runtime : bun.runtime;
}

/** The one that runs this module. */
export const runtime: Runtime = detect();
useErrorClasses(runtime.errorClass);
