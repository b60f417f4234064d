// Copyright the iocp authors. MIT license.
/* Every wrong argument of the calls for datagrams, with the class of its error. The
 * message names the argument. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { bind, listenDatagram } from "../mod.ts";
import { type Option, OPTIONS } from "../src/options/table.ts";
import { UdpPair } from "./shared/datagrams.ts";
import { eventually, within } from "./shared/deadline.ts";
import { group } from "./shared/groups.ts";
import { openHandles } from "./shared/handles.ts";
import { isWindows } from "./shared/local.ts";
import {
  integer,
  NOT_BYTES,
  NOT_OBJECTS,
  NOT_STRINGS,
  refuses,
  type Wrong,
} from "./shared/wrong.ts";

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

/* Only an abstract name has NULs, and it is not empty. */
const WRONG_PATHS = [undefined, ...NOT_STRINGS, "a\0b", "/a\0", "\0", "\ud800"];

const BIND_PATH: Record<string, Wrong> = {
  path: { TypeError: WRONG_PATHS.filter((path) => path !== undefined) },
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

const LISTEN_DATAGRAM_PATH: Record<string, Wrong> = {
  path: { TypeError: WRONG_PATHS.filter((path) => path !== undefined) },
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

refuses(
  "listenDatagram() of a path",
  LISTEN_DATAGRAM_PATH,
  (argument, value) =>
    listenDatagram({ transport: "unixpacket", [argument]: value } as never),
);

/* An address whose member, or which itself, is wrong. */
function wrongAddr(
  argument: string,
  value: unknown,
  right: object = { hostname: "127.0.0.1", port: 9 },
): unknown {
  const member = argument.split(".")[1];
  return member === undefined ? value : { ...right, [member]: value };
}

const it = new UdpPair();
const { left, right } = it;
const data = new Uint8Array(1);
const { addr } = right;
const conn = listenDatagram({ ...local, transport: "udp" });
const handles = openHandles();

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

const NO_UNIX = isWindows && "Windows has no unix sockets of datagrams";
const PATH_ADDR: Record<string, Wrong> = {
  "addr": { TypeError: NOT_OBJECTS },
  "addr.path": { TypeError: ["", ...WRONG_PATHS] },
  "addr.transport": { TypeError: ["udp", "unix", 1, null] },
};
for (const name of ["send()", "connect()", "sendMany()"]) {
  const inList = name === "sendMany()" ? "datagrams[0]." : "";
  refuses(
    `DatagramSocket.${name} of a unix socket`,
    PATH_ADDR,
    async (argument, value) => {
      using socket = bind({ path: "" });
      const addr = wrongAddr(argument, value, { path: "/none" }) as never;
      if (name === "send()") await socket.send(data, addr);
      else if (name === "connect()") await socket.connect(addr);
      else await socket.sendMany([{ data, addr }]);
    },
    (argument) => inList + argument,
    NO_UNIX,
  );
}

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

const INTERFACE = MEMBERSHIP["interface"]!;
refuses(
  "DatagramConn.joinMulticastV4()",
  { group: GROUP, interface: INTERFACE },
  (argument, value) =>
    argument === "group"
      ? conn.joinMulticastV4(value as never, "127.0.0.1")
      : conn.joinMulticastV4(group, value as never),
);
refuses(
  "DatagramConn.joinMulticastV6()",
  { group: GROUP, interface: INTERFACE },
  (argument, value) =>
    argument === "group"
      ? conn.joinMulticastV6(value as never, 0)
      : conn.joinMulticastV6("ff12::7", value as never),
);
refuses(
  "What joinMulticastV4() has returned",
  { multicastTtl: integer(0, 255), loopback: BOOLEAN },
  async (argument, value) => {
    const membership = await conn.joinMulticastV4(group, "127.0.0.1");
    try {
      if (argument === "loopback") await membership.setLoopback(value as never);
      else await membership.setTTL(value as never);
    } finally {
      await membership.leave();
    }
  },
);

const calls: Record<string, [string, (value: never) => unknown, Wrong]> = {
  "send()": ["data", (value) => left.send(value, addr), {
    TypeError: NOT_BYTES,
  }],
  "receive()": ["p", (value) => left.receive(value), { TypeError: NOT_BYTES }],
  "DatagramConn.send()": ["p", (value) => conn.send(value, addr), {
    TypeError: NOT_BYTES,
  }],
  "DatagramConn.receive()": ["p", (value) => conn.receive(value), {
    TypeError: NOT_BYTES.filter((value) => value !== undefined),
  }],
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
  await eventually(
    "no handle is left",
    () => openHandles() <= handles + 4,
  );
  it[Symbol.dispose]();
  conn.close();
});
