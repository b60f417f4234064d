// Copyright the iocp authors. MIT license.
/* Whether the options of TCP sockets can be set and are read back, from the
 * list of all options. */

import type { CompletionPort, Conn, Listener } from "../../mod.ts";
import { type Option, OPTIONS, type Scope } from "../options/table.ts";
import type { Check, Finding } from "./check.ts";
import { loopbackCheck, pair } from "./loopback.ts";
import type { Fact } from "./report.ts";

/** What an option is set to: not its default. */
function sampleOf({ kind, default: initial, min, max }: Option): unknown {
  switch (kind) {
    case "boolean":
      return !initial;
    case "keepAlive":
      return { idle: 61, interval: 7, count: 5 };
    case "receive":
      return { mode: "flow", bufferSize: 4_096 };
    case "milliseconds":
      return 20_000;
    case "integer":
      return Math.min(Number(initial ?? min) + 1, max!);
  }
}

/* Of an object only what was set counts. */
function matches(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== "object" || expected === null) {
    return actual === expected;
  }
  if (typeof actual !== "object" || actual === null) return false;
  return Object.entries(expected).every(([key, value]) =>
    (actual as Record<string, unknown>)[key] === value
  );
}

/** Sets options and returns the socket that has them. */
type Apply = (
  options: Record<string, unknown>,
) => { readonly options: object };

/* Returns "ok", "not supported", or what is wrong. */
function outcome(
  name: string,
  expected: unknown,
  apply: Apply,
): string {
  try {
    const { options } = apply({ [name]: expected });
    const actual = (options as Record<string, unknown>)[name];
    if (matches(actual, expected)) return "ok";
    return `set to ${JSON.stringify(expected)}, reads as ${
      JSON.stringify(actual)
    }`;
  } catch (error) {
    const { name: kind, message } = error as Error;
    return kind === "NotSupported" ? "not supported" : `${kind}: ${message}`;
  }
}

function outcomes(
  scope: Scope,
  apply: Apply,
): Record<string, string> {
  const options: [string, Option][] = Object.entries(OPTIONS);
  return Object.fromEntries(
    options.filter(([, option]) => option.scope === scope).map((
      [name, option],
    ) => [name, outcome(name, sampleOf(option), apply)]),
  );
}

/* A value that JSON cannot represent is null. */
function factOf(options: object): Fact {
  const text = JSON.stringify(options, (_, value) => value ?? null);
  return JSON.parse(text) as Fact;
}

function setOn(conn: Conn): Apply {
  return (options) => {
    conn.setOptions(options);
    return conn;
  };
}

function listenOn(port: CompletionPort): Apply {
  let listener: Listener | undefined;
  return (options) => {
    listener?.close();
    const address = { hostname: "127.0.0.1", port: 0 };
    return listener = port.listen({ ...address, ...options });
  };
}

async function run(port: CompletionPort): Promise<Finding> {
  const { conn } = await pair(port, "127.0.0.1");
  const initial = factOf(conn.options);
  const found = {
    ...outcomes("conn", setOn(conn)),
    ...outcomes("listen", listenOn(port)),
  };
  const facts = { initial, outcomes: found };
  const wrong = Object.entries(found).filter(([, text]) =>
    text !== "ok" && text !== "not supported"
  );
  if (wrong.length === 0) {
    const missing = Object.keys(found).filter((name) => found[name] !== "ok");
    const count = Object.keys(found).length - missing.length;
    const suffix = missing.length > 0
      ? `; not supported: ${missing.join(", ")}`
      : "";
    const summary = `${count} options are read back as set${suffix}`;
    return { status: "ok", summary, facts };
  }
  return {
    status: "failed",
    summary: wrong.map(([name, text]) => `${name}: ${text}`).join("; "),
    advice: ["this system treats a socket option in its own way: report it"],
    facts,
  };
}

/** Sets each option and reads it back. */
export const tcpOptionsCheck: Check = loopbackCheck({
  id: "tcp-options",
  hosts: ["127.0.0.1"],
  run,
});
