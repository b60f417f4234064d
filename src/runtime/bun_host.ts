// Copyright the iocp authors. MIT license.
import { nodeModule } from "./globals.ts";
import type { Host } from "./host.ts";
import { nodeHost } from "./node_host.ts";

/* https://bun.com/docs/runtime/ffi */
interface BunFfi {
  dlopen(
    path: string,
    symbols: Record<string, { args: []; returns: "cstring" }>,
  ): { readonly symbols: Record<string, () => unknown> };
}

const { Bun: bun } = globalThis as unknown as {
  Bun?: { readonly version?: string };
};

/** True under Bun. */
export function isBun(): boolean {
  return bun?.version !== undefined;
}

function callString(library: string, symbol: string): string | undefined {
  try {
    const { symbols } = nodeModule<BunFfi>("bun:ffi").dlopen(library, {
      [symbol]: { args: [], returns: "cstring" },
    });
    return String(symbols[symbol]!());
  } catch {
    return undefined;
  }
}

/** Describes Bun, which has no permissions. */
export function bunHost(): Host {
  return {
    ...nodeHost(),
    name: "Bun",
    version: bun!.version!,
    engine: "JavaScriptCore",
    callString,
  };
}
