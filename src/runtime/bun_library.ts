// Copyright the iocp authors. MIT license.
import { type Native, type NativeType, SYMBOLS } from "../native/symbols.ts";
import { nodeModule } from "./globals.ts";

/* https://bun.com/docs/runtime/ffi */
interface Signature {
  readonly args: readonly string[];
  readonly returns: string;
}
/** A native function, and its address. */
type BunFunction = ((...values: unknown[]) => unknown) & {
  readonly ptr?: number;
};
interface BunLibrary {
  readonly symbols: Record<string, BunFunction>;
  close(): void;
}
interface BunFfi {
  dlopen(path: string, symbols: Record<string, Signature>): BunLibrary;
  CFunction(options: Signature & { ptr: number }): BunFunction;
}

function typeName(type: NativeType): string {
  return type === "buffer" ? "ptr" : type;
}

function signatures(): Record<string, Signature> {
  return Object.fromEntries(
    Object.entries(SYMBOLS).map(([name, { parameters, result }]) => [
      name,
      { args: parameters.map(typeName), returns: result },
    ]),
  );
}

/**
 * Opens the library.
 *
 * For each function of a library that is open when its thread ends, Bun retains some
 * 200 bytes for the life of the process (`FFI::finalize()` in its ffi_body.rs); no code
 * runs in a Worker that is terminated, so it could not be closed then. A `CFunction` has
 * no such record. So the functions are made by their addresses, and the library is
 * closed. One function less is open for good, and keeps the file loaded.
 */
export function openLibrary(path: string): Native {
  const { dlopen, CFunction } = nodeModule<BunFfi>("bun:ffi");
  const all = signatures();
  const library = dlopen(path, all);
  const { symbols } = library;
  const functions: Record<string, BunFunction> = {};
  for (const [name, signature] of Object.entries(all)) {
    const { ptr } = symbols[name]!;
    /* Not documented, so a version may lack it. */
    if (ptr === undefined) return symbols as unknown as Native;
    functions[name] = CFunction({ ...signature, ptr });
  }
  const { iocp_abi } = all;
  dlopen(path, { iocp_abi: iocp_abi! });
  library.close();
  return functions as unknown as Native;
}
