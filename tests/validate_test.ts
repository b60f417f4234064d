// Copyright the iocp authors. MIT license.
/* Every wrong argument of every public call, with the class of its error. The message
 * names the argument. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CompletionPort, connect, listen } from "../mod.ts";
import { type Option, OPTIONS, type Scope } from "../src/options/table.ts";
import { within } from "./shared/deadline.ts";
import { pair } from "./shared/pair.ts";

type WrongArgument = [
  argument: string,
  value: unknown,
  error: string,
  /** What the message names, when it is not the argument. */
  named?: string,
];

const NOT_NUMBERS: unknown[] = ["80", null, true, {}, [], 80n, () => 80];
const NOT_BOOLEANS: unknown[] = [1, 0, "true", null, {}, []];
const NOT_KEEP_ALIVE: unknown[] = [1, 0, "true", null, []];
const NOT_STRINGS: unknown[] = [1, null, true, {}, ["localhost"]];
const NOT_INTEGERS = [NaN, Infinity, -Infinity, 1.5, -1];

function typeErrors(argument: string, values: unknown[]): WrongArgument[] {
  return values.map((value) => [argument, value, "TypeError"]);
}

function rangeErrors(argument: string, values: unknown[]): WrongArgument[] {
  return values.map((value) => [argument, value, "RangeError"]);
}

function integer(argument: string, outside: number[]): WrongArgument[] {
  return [
    ...typeErrors(argument, NOT_NUMBERS),
    ...rangeErrors(argument, [...NOT_INTEGERS, ...outside]),
  ];
}

/* The same for members of options that are objects. */
function nested(
  option: string,
  member: string,
  values: WrongArgument[],
  rest: object = {},
): WrongArgument[] {
  return values.map(([, value, error]) => [
    option,
    { ...rest, [member]: value },
    error,
    `${option}.${member}`,
  ]);
}

/* A string is accepted if Number() converts it to a port number. */
function portNumber(outside: number[]): WrongArgument[] {
  const noPorts = ["abc", "", " ", "80n", "80 81", "８０"];
  const outsideTexts = ["1.5", "-1", "65536", "Infinity"];
  return [
    ...typeErrors("port", [...NOT_NUMBERS.slice(1), ...noPorts]),
    ...rangeErrors("port", [...NOT_INTEGERS, ...outside, ...outsideTexts]),
  ];
}

function hostName(argument: string): WrongArgument[] {
  return typeErrors(argument, [...NOT_STRINGS, "", "a\0b"]);
}

function notSupported(): WrongArgument[] {
  return ["udp", "unixpacket", "vsock", "TCP", "constructor", ""]
    .map((value) => ["transport", value, "NotSupported"]);
}

/* The wrong values of every option of the table, under each of its names. */
function ofScope(scope: Scope): WrongArgument[] {
  const list: [string, Option][] = Object.entries(OPTIONS);
  return list.filter(([, option]) => option.scope === scope)
    .flatMap(([key, option]) =>
      [key, option.alias ?? []].flat()
        .flatMap((name) => wrongValuesOf(name, option))
    );
}

function wrongValuesOf(name: string, option: Option): WrongArgument[] {
  const { kind, min, max, members = {} } = option;
  const inner = Object.entries(members).flatMap(([member, { min, max }]) =>
    nested(
      name,
      member,
      integer("", [min - 1, max + 1]),
      kind === "receive" ? { mode: "burst" } : {},
    )
  );
  if (kind === "boolean") return typeErrors(name, NOT_BOOLEANS);
  if (kind === "keepAlive") {
    return [...typeErrors(name, NOT_KEEP_ALIVE), ...inner];
  }
  if (kind === "receive") return [...WRONG_RECEIVE, ...inner];
  return integer(name, [min! - 1, max! + 1]);
}

const WRONG_RECEIVE: WrongArgument[] = [
  ...typeErrors("receive", [1, "flow", null, true]),
  ...nested(
    "receive",
    "mode",
    typeErrors("", ["", "Flow", 1, null, {}, "toString"]),
  ),
  ...["auto", "flow", "zero-byte"].flatMap((mode) => [
    ...nested("receive", "depth", typeErrors("", [2]), { mode }),
    ...nested("receive", "limit", typeErrors("", [2]), { mode }),
  ]),
];
const BOTH = ofScope("conn");
/* A host name of null means the default. */
const HOSTNAME = [
  ...hostName("hostname").filter(([, value]) => value !== null),
  ...typeErrors("hostname", ["a b", "a/b", "user@host", "host:80", "a..b"]),
];
const LISTEN: WrongArgument[] = [
  ...portNumber([65536]),
  ...HOSTNAME,
  ...typeErrors("transport", NOT_STRINGS),
  ...notSupported(),
  ...ofScope("listen"),
  ...BOTH,
];
const CONNECT: WrongArgument[] = [
  ...portNumber([0, 65536]),
  ...rangeErrors("port", ["0"]),
  ...typeErrors("port", [undefined]),
  ...HOSTNAME,
  ...typeErrors("signal", [null, {}, 1, new EventTarget()]),
  ...hostName("localAddress"),
  ...ofScope("connect"),
  ...typeErrors("transport", NOT_STRINGS),
  ...notSupported(),
  ...typeErrors("localAddress", ["localhost", "1.2.3.4.5", "fe80::1%"]),
  ...BOTH,
];
const NOT_OPTIONS = [undefined, null, 80, "localhost", true];

function shown(value: unknown): string {
  if (value?.constructor === Object) return shownMembers(value);
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null
    ? value.constructor.name
    : `${value}`;
}

function shownMembers(value: object): string {
  return Object.entries(value).map(([name, member]) =>
    `${name} ${shown(member)}`
  ).join(" ") || "Object";
}

/* The class and message of the error that the call gives. */
async function failureOf(call: () => unknown): Promise<Error> {
  try {
    await within("the call", Promise.resolve(call()));
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

async function check(
  call: () => unknown,
  argument: string,
  name: string,
): Promise<void> {
  const error = await failureOf(call);
  assert.equal(error.name, name, error.message);
  assert.ok(error.message.includes(`"${argument}"`), error.message);
}

/* The shared port of the thread, and a separate one. */
const PORTS: Record<string, Pick<CompletionPort, "listen" | "connect">> = {
  "": { listen, connect },
  "CompletionPort.": new CompletionPort(),
};

for (const [name, port] of Object.entries(PORTS)) {
  describe(`${name}listen() refuses`, () => {
    for (const [argument, value, error, named = argument] of LISTEN) {
      test(`${named}: ${shown(value)} with a ${error}`, () => {
        const options = { hostname: "127.0.0.1", port: 0, [argument]: value };
        return check(() => port.listen(options as never), named, error);
      });
    }
    for (const value of NOT_OPTIONS) {
      test(`${value} for its options`, () => {
        return check(
          () => port.listen(value as never),
          "options",
          "TypeError",
        );
      });
    }
  });

  describe(`${name}connect() refuses`, () => {
    for (const [argument, value, error, named = argument] of CONNECT) {
      test(`${named}: ${shown(value)} with a ${error}`, () => {
        const options = { port: 1, [argument]: value };
        return check(() => port.connect(options as never), named, error);
      });
    }
    for (const value of NOT_OPTIONS) {
      test(`${value} for its options`, () => {
        return check(
          () => port.connect(value as never),
          "options",
          "TypeError",
        );
      });
    }
  });
}

test("An option and its alias must have the same value", async () => {
  await check(
    () => listen({ port: 0, backlog: 5, tcpBacklog: 6 }),
    "tcpBacklog",
    "TypeError",
  );
  await check(
    () =>
      connect({
        port: 1,
        autoSelectFamilyAttemptDelay: 10,
        autoSelectFamilyAttemptTimeout: 20,
      }),
    "autoSelectFamilyAttemptTimeout",
    "TypeError",
  );
  listen({ port: 0, backlog: 5, tcpBacklog: 5, transport: "tcp" }).close();
  listen({ tcpBacklog: 5 }).close();
});

test("connect() rejects instead of throwing", async () => {
  for (const options of [undefined, {}, { port: -1 }, { port: "a" }]) {
    const promise = connect(options as never);
    assert.ok(promise instanceof Promise);
    await assert.rejects(promise, /The ".*" argument/);
  }
});

const NOT_BYTES = [
  undefined,
  null,
  "text",
  1,
  {},
  [1, 2],
  new ArrayBuffer(4),
  new DataView(new ArrayBuffer(4)),
  new Uint16Array(4),
  new Uint8ClampedArray(4),
  new Int8Array(4),
];

describe("Conn refuses", () => {
  for (const value of NOT_BYTES) {
    for (const method of ["read", "write"] as const) {
      /* write() takes an array of parts: see write_parts_test.ts. */
      if (Array.isArray(value) && method === "write") continue;
      test(`${shown(value)} to ${method}(p)`, async () => {
        using ends = await pair();
        const promise = ends.client[method](value as never);
        assert.ok(promise instanceof Promise);
        await check(() => promise, "p", "TypeError");
        /* The connection still works. */
        await ends.client.write(new Uint8Array(3));
        assert.equal(await ends.server.read(new Uint8Array(4)), 3);
      });
    }
  }
  for (const value of NOT_KEEP_ALIVE) {
    test(`${shown(value)} to setNoDelay() and setKeepAlive()`, async () => {
      using ends = await pair();
      const { client } = ends;
      await check(
        () => client.setNoDelay(value as never),
        "noDelay",
        "TypeError",
      );
      await check(
        () => client.setKeepAlive(value as never),
        "keepAlive",
        "TypeError",
      );
    });
  }
});

describe("conn.setOptions() refuses", () => {
  for (const [argument, value, error, named = argument] of BOTH) {
    test(`${named}: ${shown(value)} with a ${error}`, async () => {
      using ends = await pair();
      await check(
        () => ends.client.setOptions({ [argument]: value }),
        named,
        error,
      );
    });
  }
  for (const value of NOT_OPTIONS) {
    test(`${value} for its options`, async () => {
      using ends = await pair();
      const { client, listener } = ends;
      for (const one of [client, listener]) {
        await check(
          () => one.setOptions(value as never),
          "options",
          "TypeError",
        );
      }
    });
  }
});

test("A refused argument leaves no socket open", async () => {
  using port = new CompletionPort();
  for (const [argument, value] of CONNECT) {
    const options = { port: 1, [argument]: value };
    await failureOf(() => port.connect(options as never));
  }
  for (const [argument, value] of LISTEN) {
    const options = { port: 0, [argument]: value };
    await failureOf(() => port.listen(options as never));
  }
  assert.equal(port.stats().sockets, 0);
});
