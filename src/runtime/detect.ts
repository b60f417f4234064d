// Copyright the iocp authors. MIT license.
/**
 * The current runtime. What differs between the runtimes is in this folder.
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

/** The runtime that this module runs in. */
export const runtime: Runtime = detect();
useErrorClasses(runtime.errorClass);

/** True on Windows, where the library stands on completion ports. */
export const isWindows: boolean = runtime.target.startsWith("windows");
