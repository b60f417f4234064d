// Copyright the iocp authors. MIT license.
/* Every wrong argument of the calls for datagrams, with the class of its error. The
 * message names the argument. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bind, listenDatagram } from "../mod.ts";
import { type Option, OPTIONS } from "../src/options/table.ts";
import { UdpPair } from "./shared/datagrams.ts";
import { within } from "./shared/deadline.ts";

/* The values, and the name of the error that each gives. */
type Wrong = Record<string, unknown[]>;

const NOT_STRINGS = [1, null, true, {}, ["127.0.0.1"]];
const NOT_BYTES = [undefined, null, "text", 1, {}, [1], new ArrayBuffer(4)];
const NOT_OBJECTS = [null, 1, "127.0.0.1", true];

function integer(min: number, max: number): Wrong {
  return {
    TypeError: ["1", null, true, {}, 1n],
    RangeError: [NaN, Infinity, 1.5, min - 1, max + 1],
  };
}

const BOOLEAN: Wrong = { TypeError: [1, "true", null, {}] };
const SIGNAL: Wrong = { TypeError: [null, {}, 1, new EventTarget()] };
/* A port may be the text of a number. */
function portNumber(min: number): Wrong {
  return {
    TypeError: [null, true, {}, 1n, "", "abc"],
    RangeError: [NaN, 1.5, min - 1, 65_536, "65536"],
  };
}

const HOST: Wrong = { TypeError: ["", "a\0b", 1, true, {}, "a b", "a/b"] };

function wrongValuesOf({ kind, min, max }: Option): Wrong {
  return kind === "boolean" ? BOOLEAN : integer(min!, max!);
}

const CHANGEABLE: Record<string, Wrong> = Object.fromEntries(
  (Object.entries(OPTIONS) as [string, Option][])
    .filter(([, { scope }]) => scope === "datagram")
    .map(([key, option]) => [key, wrongValuesOf(option)]),
);

const BIND: Record<string, Wrong> = {
  ...CHANGEABLE,
  port: portNumber(0),
  hostname: HOST,
  ipv6Only: BOOLEAN,
  reusePort: BOOLEAN,
  reuseAddress: BOOLEAN,
  signal: SIGNAL,
  onError: { TypeError: [null, 1, {}, "text"] },
  transport: {
    NotSupported: ["tcp", "unix", "vsock", ""],
    TypeError: [1, null],
  },
};

const BIND_PATH: Record<string, Wrong> = {
  path: { TypeError: [null, 1, {}, "a\0b"] },
  mode: integer(0, 0o777),
  replaceStale: BOOLEAN,
  transport: { NotSupported: ["udp", "unix", "tcp"], TypeError: [1, null] },
};

const LISTEN_DATAGRAM: Record<string, Wrong> = {
  port: { TypeError: [undefined, null, {}, "abc"], RangeError: [-1, 65_536] },
  hostname: HOST,
  reuseAddress: BOOLEAN,
  loopback: BOOLEAN,
  transport: { NotSupported: ["tcp"], TypeError: [undefined, 1, null] },
};

const ADDR: Record<string, Wrong> = {
  "addr": { TypeError: NOT_OBJECTS },
  "addr.hostname": { TypeError: [undefined, ...NOT_STRINGS, "", "a\0b"] },
  "addr.port": {
    TypeError: [undefined, null, true, {}, "abc"],
    RangeError: [NaN, 0, -1, 1.5, 65_536],
  },
  "addr.transport": { TypeError: ["tcp", "unixpacket", 1, null] },
};

async function check(
  call: (value: unknown) => unknown,
  argument: string,
  name: string,
  value: unknown,
): Promise<void> {
  const what = `${argument}: ${typeof value} ${String(value)}`;
  let error: Error | undefined;
  try {
    await within("the call", Promise.resolve(call(value)));
  } catch (thrown) {
    error = thrown as Error;
  }
  assert.ok(error !== undefined, `${what}: nothing was thrown`);
  assert.equal(error.name, name, `${what}: ${error.message}`);
  assert.ok(error.message.includes(`"${argument}"`), error.message);
}

function refuses(
  title: string,
  table: Record<string, Wrong>,
  callOf: (argument: string, value: unknown) => unknown,
  named: (argument: string) => string = (argument) => argument,
): void {
  describe(`${title} refuses wrong values of`, () => {
    for (const [argument, wrong] of Object.entries(table)) {
      test(named(argument), async () => {
        for (const [name, values] of Object.entries(wrong)) {
          for (const value of values) {
            const call = (value: unknown) => callOf(argument, value);
            await check(call, named(argument), name, value);
          }
        }
      });
    }
  });
}

const local = { hostname: "127.0.0.1", port: 0 };

refuses(
  "bind()",
  BIND,
  (argument, value) => bind({ ...local, [argument]: value } as never),
);
refuses(
  "bind() of a path",
  BIND_PATH,
  (argument, value) => bind({ path: "/none", [argument]: value } as never),
);
refuses(
  "listenDatagram()",
  LISTEN_DATAGRAM,
  (argument, value) =>
    listenDatagram({ ...local, transport: "udp", [argument]: value } as never),
);

/* An address whose member, or which itself, is wrong. */
function wrongAddr(argument: string, value: unknown): unknown {
  const member = argument.split(".")[1];
  return member === undefined
    ? value
    : { hostname: "127.0.0.1", port: 9, [member]: value };
}

const it = new UdpPair();
const { left, right } = it;
const data = new Uint8Array(1);
const { addr } = right;
const conn = listenDatagram({ ...local, transport: "udp" });

refuses(
  "DatagramSocket.send()",
  ADDR,
  (argument, value) => left.send(data, wrongAddr(argument, value) as never),
);
refuses(
  "DatagramSocket.connect()",
  ADDR,
  (argument, value) => left.connect(wrongAddr(argument, value) as never),
);
refuses(
  "DatagramConn.send()",
  ADDR,
  (argument, value) => conn.send(data, wrongAddr(argument, value) as never),
);
refuses(
  "DatagramSocket.sendMany()",
  ADDR,
  (argument, value) =>
    left.sendMany([
      { data, addr },
      { data, addr: wrongAddr(argument, value) as never },
    ]),
  (argument) => `datagrams[1].${argument}`,
);
refuses(
  "DatagramSocket.setOptions()",
  CHANGEABLE,
  (argument, value) => left.setOptions({ [argument]: value } as never),
);

const GROUP = { TypeError: ["127.0.0.1", "::1", "group", "", ...NOT_STRINGS] };
const MEMBERSHIP: Record<string, Wrong> = {
  interface: {
    TypeError: ["", null, true, {}, "a\0b"],
    RangeError: [-1, 1.5, NaN],
  },
  source: { TypeError: ["::1", "", "localhost", ...NOT_STRINGS] },
};
for (const name of ["joinMulticast", "leaveMulticast"] as const) {
  refuses(
    `DatagramSocket.${name}()`,
    { group: GROUP },
    (_, value) => right[name](value as never),
  );
  refuses(
    `DatagramSocket.${name}()`,
    MEMBERSHIP,
    (argument, value) =>
      right[name]("239.1.2.3", { [argument]: value } as never),
  );
  refuses(
    `DatagramSocket.${name}()`,
    { options: { TypeError: NOT_OBJECTS } },
    (_, value) => right[name]("239.1.2.3", value as never),
  );
}

const calls: Record<string, [string, (value: never) => unknown, Wrong]> = {
  "send()": ["data", (value) => left.send(value, addr), {
    TypeError: NOT_BYTES,
  }],
  "receive()": ["p", (value) => left.receive(value), { TypeError: NOT_BYTES }],
  "receive() with options": [
    "p",
    (value) => left.receive(value, {}),
    { TypeError: NOT_BYTES },
  ],
  "receive() for its options": [
    "options",
    (value) => left.receive(data, value),
    { TypeError: NOT_OBJECTS },
  ],
  "receive() for its timeout": [
    "timeout",
    (timeout) => left.receive(data, { timeout }),
    integer(0, 2 ** 31 - 1),
  ],
  "receive() for its signal": [
    "signal",
    (signal) => left.receive(data, { signal }),
    SIGNAL,
  ],
  "sendMany() for its list": [
    "datagrams",
    (value) => left.sendMany(value),
    { TypeError: [undefined, null, 1, {}, "text"] },
  ],
  "sendMany() for a datagram": [
    "datagrams[0]",
    (value) => left.sendMany([value]),
    { TypeError: [undefined, null, 1, "text"] },
  ],
  "sendMany() for data": [
    "datagrams[0].data",
    (data) => left.sendMany([{ data, addr }]),
    { TypeError: NOT_BYTES },
  ],
  "setOptions() for its options": [
    "options",
    (value) => left.setOptions(value),
    { TypeError: [undefined, ...NOT_OBJECTS] },
  ],
  "bind() for its options": [
    "options",
    (value) => bind(value),
    { TypeError: NOT_OBJECTS },
  ],
  "listenDatagram() for its options": [
    "options",
    (value) => listenDatagram(value),
    { TypeError: [undefined, ...NOT_OBJECTS] },
  ],
};
for (const [title, [argument, call, wrong]] of Object.entries(calls)) {
  refuses(title, { [argument]: wrong }, (_, value) => call(value as never));
}

test("Wrong arguments leave the sockets as they were", async () => {
  assert.equal(left.lastError, undefined);
  await left.send(new Uint8Array([7]), addr);
  const received = await within("it", right.receive(new Uint8Array(10)));
  assert.deepEqual([...received.data], [7]);
  it[Symbol.dispose]();
  conn.close();
});
