// Copyright the iocp authors. MIT license.
/* Calls functions of the system's libraries through the runtime's FFI. */

import process from "node:process";

/** The signature of a function, with Deno's type names. */
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

/* Bun's names of the number types; all others are "ptr". */
const BUN_NUMBERS: Record<string, string> = { i32: "i32", usize: "u64" };

function bunType(type: string): string {
  return BUN_NUMBERS[type] ?? "ptr";
}

/** Opens a library of the system. @returns its functions */
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
