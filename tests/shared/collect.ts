// Copyright the iocp authors. MIT license.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type Collect = (force: boolean) => void;

function findCollector(): Collect {
  const { Bun } = globalThis as unknown as { Bun?: { gc: Collect } };
  if (Bun !== undefined) return Bun.gc;
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as Collect;
}

const collect = findCollector();

/** Collects garbage synchronously. */
export function collectGarbage(): void {
  collect(true);
}
