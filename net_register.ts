// Copyright the iocp authors. MIT license.
/**
 * Makes libraries use `iocp/net` in the place of `node:net`, without a change to
 * them. Import it before them, or run the program with `--preload`; `docs/net.md` has
 * what each runtime can do.
 *
 * It exports what `iocp/net` does.
 *
 * @module
 */

import netModule from "./net.ts";
import { nodeModule, URL } from "./src/runtime/globals.ts";
import { runtime } from "./src/runtime/detect.ts";

export * from "./net.ts";
export { default } from "./net.ts";

type Members = Record<string, unknown>;
type Call = (...values: unknown[]) => unknown;

interface Resolved {
  readonly url: string;
  readonly format?: string;
  readonly shortCircuit?: boolean;
}
interface NodeModules {
  registerHooks?(hooks: {
    resolve(
      specifier: string,
      context: unknown,
      next: (specifier: string, context: unknown) => Resolved,
    ): Resolved;
  }): void;
}

/* Deno resolves the name to this module. Its own modules are not concerned. */
function resolveToThis(): void {
  const { registerHooks } = nodeModule<NodeModules>("node:module");
  /* The same extension as this file, which is JavaScript in a package. */
  const { url } = import.meta as unknown as { url: string };
  const target = new URL(`./net${url.slice(url.lastIndexOf("."))}`, url);
  registerHooks!({
    resolve: (specifier, context, next) =>
      specifier === "net" || specifier === "node:net"
        ? { url: target.href, format: "module", shortCircuit: true }
        : next(specifier, context),
  });
}

/* Bun has no hook for the names of its own modules, so the members of the module are
 * replaced. Named imports that were linked before keep Bun's own. */
function replaceMembers(): void {
  /* These of Bun's own modules have classes that extend those of net; they take the
   * present ones when they are loaded. */
  for (const name of ["tls", "http", "https", "http2", "child_process"]) {
    nodeModule(`node:${name}`);
  }
  const net = nodeModule<Members>("node:net");
  const connectOwn = net["connect"] as Call;
  /* Bun's tls passes the result to Bun's own connect(), which recognizes it by a
   * symbol. */
  const marks = Object.getOwnPropertySymbols(
    (net["_normalizeArgs"] as Call)([]),
  );
  const normalizeArgs = (netModule as unknown as Members)["_normalizeArgs"];
  Object.assign(net, netModule);
  net["_normalizeArgs"] = (args: unknown) => {
    const normalized = (normalizeArgs as Call)(args) as Record<symbol, boolean>;
    for (const mark of marks) normalized[mark] = true;
    return normalized;
  };
  /* Bun makes the pipes of its child processes so. */
  net["connect"] = net["createConnection"] = (...args: unknown[]) => {
    const [first] = args;
    const hasFd = typeof first === "object" && first !== null && "fd" in first;
    return hasFd ? connectOwn(...args) : (netModule.connect as Call)(...args);
  };
}

if (runtime.name === "Bun") replaceMembers();
else resolveToThis();
