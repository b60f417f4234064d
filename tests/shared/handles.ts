// Copyright the iocp authors. MIT license.

import { readdirSync } from "node:fs";
import process from "node:process";

/** Whether {@linkcode openHandles} can count. */
export const countsHandles: boolean = process.platform === "linux";

/** How many handles this process has open, or 0 where that cannot be told. */
export function openHandles(): number {
  return countsHandles ? readdirSync("/proc/self/fd").length : 0;
}
