// Copyright the iocp authors. MIT license.
/* The parts of a host that every runtime has, as Node.js defines them. */

import type { Host } from "./host.ts";

interface Globals {
  readonly console: {
    log(text: string): void;
    error(text: string): void;
  };
  readonly process?: {
    readonly argv: readonly string[];
    readonly versions: Record<string, string | undefined>;
    exit(code: number): never;
  };
}

const { console, process } = globalThis as unknown as Globals;

/** Describes Node.js, which cannot run the module. */
export function nodeHost(): Host {
  return {
    name: "Node.js",
    version: process?.versions["node"] ?? "unknown",
    engine: `V8 ${process?.versions["v8"] ?? "unknown"}`,
    hasPermissions: false,
    args: process?.argv.slice(2) ?? [],
    permission: () => "granted",
    callString: () => undefined,
    print: (text) => console.log(text),
    printError: (text) => console.error(text),
    exit: (code) => process!.exit(code),
  };
}
