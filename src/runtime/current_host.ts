// Copyright the iocp authors. MIT license.

import { bunHost, isBun } from "./bun_host.ts";
import { denoHost, isDeno } from "./deno_host.ts";
import type { Host } from "./host.ts";
import { nodeHost } from "./node_host.ts";

/** Describes the runtime that runs this program. */
export function currentHost(): Host {
  if (isDeno()) return denoHost();
  return isBun() ? bunHost() : nodeHost();
}
