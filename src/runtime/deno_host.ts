// Copyright the iocp authors. MIT license.
import type { Host, Permission, PermissionState } from "./host.ts";
import { nodeHost } from "./node_host.ts";

/* The parts of Deno that are used here. https://docs.deno.com/api/deno/ */
interface DenoNamespace {
  readonly args: readonly string[];
  readonly version: { readonly deno: string; readonly v8: string };
  readonly permissions: {
    querySync(permission: Permission): { readonly state: PermissionState };
  };
  readonly UnsafePointerView: { getCString(pointer: unknown): string };
  dlopen(
    path: string,
    symbols: Record<string, { parameters: []; result: "pointer" }>,
  ): { readonly symbols: Record<string, () => unknown> };
  exit(code: number): never;
}

const deno = (globalThis as unknown as { Deno?: DenoNamespace }).Deno!;

/** True under Deno. */
export function isDeno(): boolean {
  return deno?.version?.deno !== undefined;
}

function callString(library: string, symbol: string): string | undefined {
  try {
    const { symbols } = deno.dlopen(library, {
      [symbol]: { parameters: [], result: "pointer" },
    });
    const pointer = symbols[symbol]!();
    if (pointer === null) return undefined;
    return deno.UnsafePointerView.getCString(pointer);
  } catch {
    return undefined;
  }
}

/** Describes Deno. */
export function denoHost(): Host {
  return {
    ...nodeHost(),
    name: "Deno",
    version: deno.version.deno,
    engine: `V8 ${deno.version.v8}`,
    hasPermissions: true,
    args: deno.args,
    permission: (permission) => deno.permissions.querySync(permission).state,
    callString,
    exit: (code) => deno.exit(code),
  };
}
