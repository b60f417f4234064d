// Copyright the iocp authors. MIT license.
/* The system's own functions, through the FFI of the runtime. */

import process from "node:process";

/** A function of a library, in Deno's words. */
export interface ForeignFunction {
  parameters: readonly ("i32" | "usize" | "pointer" | "buffer")[];
  result: "i32" | "pointer";
}

interface Ffi {
  dlopen(path: string, symbols: object): { symbols: unknown };
}

function bunFfi(): Ffi {
  const name = "bun:ffi" as never;
  return process.getBuiltinModule(name) as unknown as Ffi;
}

/* Bun's names of numbers; the rest is a "ptr". */
const BUN_NUMBERS: Record<string, string> = { i32: "i32", usize: "u64" };

function bunType(type: string): string {
  return BUN_NUMBERS[type] ?? "ptr";
}

/** Opens a library of the system. */
export function openLibrary<Functions>(
  path: string,
  functions: Record<string, ForeignFunction>,
): Functions {
  const { Deno } = globalThis as unknown as { Deno?: Ffi };
  if (Deno !== undefined) {
    return Deno.dlopen(path, functions).symbols as Functions;
  }
  const symbols = Object.entries(functions).map((
    [name, { parameters, result }],
  ) => [name, { args: parameters.map(bunType), returns: bunType(result) }]);
  return bunFfi().dlopen(path, Object.fromEntries(symbols))
    .symbols as Functions;
}
