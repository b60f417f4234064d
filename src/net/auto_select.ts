// Copyright the iocp authors. MIT license.
/* Whether a connect() tries the addresses of both families of a name. */

import { runtimeNet } from "./node_parts.ts";
import { requireBoolean, requireInt32 } from "./arguments.ts";

/* As in Node, a shorter time is made this long, in milliseconds. */
const TIMEOUT_MIN = 10;

/* Those of the runtime, which its command line can change. */
let isDefault = runtimeNet.getDefaultAutoSelectFamily();
let defaultTimeout = runtimeNet.getDefaultAutoSelectFamilyAttemptTimeout();

/** Checks the time of one attempt, in milliseconds. */
export function attemptTimeout(name: string, value: unknown): number {
  return Math.max(requireInt32(name, value, 1), TIMEOUT_MIN);
}

/** The default of the option `autoSelectFamily`; at first that of the runtime. */
export function getDefaultAutoSelectFamily(): boolean {
  return isDefault;
}

/** Changes the default of the option `autoSelectFamily`. */
export function setDefaultAutoSelectFamily(value: boolean): void {
  requireBoolean("value", value);
  isDefault = value;
}

/** The default of the option `autoSelectFamilyAttemptTimeout`, in milliseconds; at
 * first that of the runtime. */
export function getDefaultAutoSelectFamilyAttemptTimeout(): number {
  return defaultTimeout;
}

/** Changes the default of the option `autoSelectFamilyAttemptTimeout`. */
export function setDefaultAutoSelectFamilyAttemptTimeout(value: number): void {
  defaultTimeout = attemptTimeout("value", value);
}
