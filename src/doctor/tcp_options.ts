// Copyright the iocp authors. MIT license.
/* Whether the options of TCP sockets can be set and are read back. */

import type { CompletionPort, Conn, Listener } from "../../mod.ts";
import type { Check, Finding } from "./check.ts";
import { loopbackCheck, pair } from "./loopback.ts";
import type { Fact } from "./report.ts";

/** One option: how it is set, and what it reads as afterwards. */
interface OptionTest<T> {
  readonly name: string;
  readonly expected: unknown;
  set(socket: T): void;
}

const keepAlive = { idle: 61, interval: 7, count: 5 };
const receive = { mode: "flow", bufferSize: 4_096 } as const;

const CONN: readonly OptionTest<Conn>[] = [
  { name: "noDelay", expected: false, set: (conn) => conn.setNoDelay(false) },
  {
    name: "keepAlive",
    expected: keepAlive,
    set: (conn) => conn.setKeepAlive(keepAlive),
  },
  {
    name: "receive",
    expected: receive,
    set: (conn) => conn.setOptions({ receive }),
  },
  {
    name: "sendConcurrency",
    expected: 4,
    set: (conn) => conn.setOptions({ sendConcurrency: 4 }),
  },
];

const LISTENER: readonly OptionTest<Listener>[] = [
  {
    name: "backlog",
    expected: 600,
    set: (one) => one.setOptions({ backlog: 600 }),
  },
  {
    name: "acceptPool",
    expected: 40,
    set: (one) => one.setOptions({ acceptPool: 40 }),
  },
];

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

/* Returns "ok", or what is wrong. */
function outcome<T extends { readonly options: object }>(
  socket: T,
  { name, expected, set }: OptionTest<T>,
): string {
  try {
    set(socket);
    const actual = (socket.options as Record<string, unknown>)[name];
    if (matches(actual, expected)) return "ok";
    return `set to ${JSON.stringify(expected)}, reads as ${
      JSON.stringify(actual)
    }`;
  } catch (error) {
    const { name: kind, message } = error as Error;
    return kind === "NotSupported" ? "not supported" : `${kind}: ${message}`;
  }
}

/* Values that JSON cannot hold are left out, undefined ones are null. */
function factOf(options: object): Fact {
  const text = JSON.stringify(options, (_, value) => value ?? null);
  return JSON.parse(text) as Fact;
}

async function run(port: CompletionPort): Promise<Finding> {
  const { conn } = await pair(port, "127.0.0.1");
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const initial = {
    conn: factOf(conn.options),
    listener: factOf(listener.options),
  };
  const outcomes = Object.fromEntries([
    ...CONN.map((option) => [option.name, outcome(conn, option)]),
    ...LISTENER.map((option) => [option.name, outcome(listener, option)]),
  ]) as Record<string, string>;
  const facts = { initial, outcomes };
  const wrong = Object.entries(outcomes).filter(([, text]) =>
    text !== "ok" && text !== "not supported"
  );
  if (wrong.length === 0) {
    const summary = `${Object.keys(outcomes).join(", ")} are read back as set`;
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
