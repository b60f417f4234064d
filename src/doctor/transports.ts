// Copyright the iocp authors. MIT license.
/* The self-tests, a list that each transport adds its own to. */

import type { Check } from "./check.ts";
import { localChecks } from "./local.ts";
import { tcpChecks } from "./tcp.ts";
import { tcpOptionsCheck } from "./tcp_options.ts";

/** Every self-test, in order. */
export const transportChecks: readonly Check[] = [
  ...tcpChecks,
  tcpOptionsCheck,
  ...localChecks,
];
