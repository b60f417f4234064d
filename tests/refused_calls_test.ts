// Copyright the iocp authors. MIT license.
/* What the system refuses, call by call: paths that are no socket, are not allowed or
 * too long, names without a server, datagrams that are too large. Each call fails with
 * its code, none hangs, and none leaves a socket or a handle. The arguments that the
 * module itself refuses are in path_test.ts and datagram_validate_test.ts; sockets of
 * others are in refused_handles_test.ts. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe } from "node:test";
import {
  type DatagramSocket,
  listenDatagram,
  type UnixDatagramAddr,
} from "../mod.ts";
import { openLibrary } from "./shared/ffi.ts";
import { isWine } from "./shared/handles.ts";
import { isWindows, newPath } from "./shared/local.ts";
import { noIpv6 } from "./shared/network.ts";
import { type Call, type Place, refused, type Row } from "./shared/refused.ts";

const isRoot = process.getuid?.() === 0;

/* Calls as another user, since the modes of files do not apply to root. */
async function asOther<T>(call: () => Promise<T>): Promise<T> {
  if (!isRoot) return await call();
  const { seteuid } = openLibrary<{ seteuid(id: number): number }>(
    "libc.so.6",
    { seteuid: { parameters: ["i32"], result: "i32" } },
  );
  assert.equal(seteuid(65534), 0);
  try {
    return await call();
  } finally {
    assert.equal(seteuid(0), 0);
  }
}

/* ---- the calls */

const listen = (name: string, options: object = {}): Call => ({ port, at }) =>
  port.listen({ path: at(name), ...options });
const connect = (name: string): Call => ({ port, at }) =>
  port.connect({ path: at(name), timeout: 20_000 });
const connectSync = (name: string): Call => ({ port, at }) =>
  port.connectSync({ path: at(name), timeout: 20_000 });
const bind = (name: string): Call => ({ port, at }) =>
  port.bind({ path: at(name) });

/* pipe_test.ts checks that Windows has the descriptor that was given; that it keeps
 * others out was not seen. */
const NO_DENIAL = isWine &&
  "Wine 10 opens a pipe whatever its descriptor says";

/* Connects to a pipe that no user may connect to. */
function connectDenied(call: "connect" | "connectSync"): Call {
  return async ({ port }) => {
    const path = newPath();
    using _ = port.listen({ path, access: "D:P(D;;GA;;;WD)" });
    (await port[call]({ path, timeout: 20_000 })).close();
  };
}

/* A call on a datagram socket of its own, which is closed. */
function onUdp(
  use: (socket: DatagramSocket) => Promise<unknown> | void,
): Call {
  return async ({ port }) => {
    const options = { hostname: "127.0.0.1", port: 0, onError: () => {} };
    using socket = port.bind(options);
    return await use(socket);
  };
}

function onUnix(
  use: (
    socket: DatagramSocket<UnixDatagramAddr>,
    place: Place,
  ) => Promise<unknown>,
): Call {
  return async (place) => {
    using socket = place.port.bind({ path: "", onError: () => {} });
    return await use(socket, place);
  };
}

const sendTo = (name: string, bytes = 1): Call =>
  onUnix((socket, { at }) =>
    socket.send(new Uint8Array(bytes), { path: at(name) })
  );
const connectTo = (name: string): Call =>
  onUnix((socket, { at }) => socket.connect({ path: at(name) }));

const LONG = "x".repeat(200);

const UNIX: Row[] = [
  ...[listen, bind].flatMap((make): Row[] => {
    const name = make === bind ? "bind()" : "listen()";
    return [
      [`${name} on a folder`, "EADDRINUSE", make("folder")],
      [`${name} on a file`, "EADDRINUSE", make("file")],
      [`${name} on a socket`, "EADDRINUSE", make("stream")],
      [`${name} on a link without a file`, "EADDRINUSE", make("dangling")],
      [`${name} in a missing folder`, "ENOENT", make("none/socket")],
      [`${name} in a file`, "ENOTDIR", make("file/socket")],
      [`${name} in a loop of links`, "ELOOP", make("loop/socket")],
      [`${name} on too long a path`, "ENAMETOOLONG", make(LONG)],
      [
        `${name} where it is not allowed`,
        "EACCES",
        (place) => asOther(async () => await make("closed/new")(place)),
      ],
    ];
  }),
  ...["folder", "file", "datagram", "stream"].map((name): Row => [
    `listen() with replaceStale on a ${name}`,
    "EADDRINUSE",
    listen(name, { replaceStale: true }),
  ]),
  ...[connect, connectSync].flatMap((make): Row[] => {
    const name = make === connect ? "connect()" : "connectSync()";
    return [
      [`${name} to a folder`, "ECONNREFUSED", make("folder")],
      [`${name} to a file`, "ECONNREFUSED", make("file")],
      [`${name} to a datagram socket`, "EPROTOTYPE", make("datagram")],
      [`${name} to nothing`, "ENOENT", make("none")],
      [`${name} to a link without a file`, "ENOENT", make("dangling")],
      [`${name} to a path in a file`, "ENOTDIR", make("file/socket")],
      [`${name} to a loop of links`, "ELOOP", make("loop")],
      [`${name} to too long a path`, "ENAMETOOLONG", make(LONG)],
      [
        `${name} to a folder that is closed`,
        "EACCES",
        (place) => asOther(async () => await make("closed/stream")(place)),
      ],
      [
        `${name} to the socket of another user`,
        "EACCES",
        (place) => asOther(async () => await make("private")(place)),
      ],
    ];
  }),
  ...[sendTo, connectTo].flatMap((make): Row[] => {
    const name = make === sendTo ? "send()" : "DatagramSocket.connect()";
    return [
      [`${name} to a folder`, "ECONNREFUSED", make("folder")],
      [`${name} to a file`, "ECONNREFUSED", make("file")],
      [`${name} to a stream socket`, "EPROTOTYPE", make("stream")],
      [`${name} to nothing`, "ENOENT", make("none")],
      [`${name} to too long a path`, "ENAMETOOLONG", make(LONG)],
    ];
  }),
  [
    "send() of more than a unix socket takes",
    "EMSGSIZE",
    sendTo("datagram", 1 << 24),
  ],
  [
    "listen() on a pipe",
    "NotSupported",
    ({ port }) => port.listen({ path: "//./pipe/iocp-test" }),
  ],
  [
    "connect() to a pipe",
    "NotSupported",
    ({ port }) => port.connect({ path: "//./pipe/iocp-test" }),
  ],
];

const PIPES: Row[] = [
  [
    "connect() to a pipe without a server",
    "ENOENT",
    ({ port }) => port.connect({ path: newPath(), timeout: 20_000 }),
  ],
  [
    "connectSync() to a pipe without a server",
    "ENOENT",
    ({ port }) => port.connectSync({ path: newPath(), timeout: 20_000 }),
  ],
  [
    "connect() to too long a pipe name",
    "ENAMETOOLONG",
    ({ port }) => port.connect({ path: newPath() + "x".repeat(256) }),
  ],
  [
    "listen() on too long a pipe name",
    "ENAMETOOLONG",
    ({ port }) => port.listen({ path: newPath() + "x".repeat(256) }),
  ],
  ["listen() on a pipe in use", "EADDRINUSE", ({ port }) => {
    using listener = port.listen({ path: newPath() });
    return port.listen(listener.addr);
  }],
  [
    "connect() to a pipe whose descriptor denies it",
    "EACCES",
    connectDenied("connect"),
    NO_DENIAL,
  ],
  [
    "connectSync() to a pipe whose descriptor denies it",
    "EACCES",
    connectDenied("connectSync"),
    NO_DENIAL,
  ],
  [
    "listen() with a wrong descriptor",
    "EINVAL",
    ({ port }) => port.listen({ path: newPath(), access: "D:(nonsense" }),
  ],
  [
    "listen() on a pipe with a mode",
    "NotSupported",
    ({ port }) => port.listen({ path: newPath(), mode: 0o600 }),
  ],
  /* Wine 10 has no AF_UNIX, and no Windows has unix datagrams. */
  ["bind() to a path", "NotSupported", bind("none")],
  ["listen() on a folder", "NotSupported", listen("folder")],
  ["connect() to a file", "NotSupported", connect("file")],
];

const UDP: Row[] = [
  [
    "send() of 65,508 bytes",
    "EMSGSIZE",
    onUdp((socket) => socket.send(new Uint8Array(65_508), socket.addr)),
  ],
  [
    "sendMany() with 70,000 bytes",
    "EMSGSIZE",
    onUdp((socket) =>
      socket.sendMany([{ data: new Uint8Array(70_000), addr: socket.addr }])
    ),
  ],
  [
    "send() of 65,508 bytes to a connected address",
    "EMSGSIZE",
    onUdp(async (socket) => {
      await socket.connect(socket.addr);
      await socket.send(new Uint8Array(65_508));
    }),
  ],
  [
    "send() of 65,528 bytes over IPv6",
    "EMSGSIZE",
    async ({ port }) => {
      using socket = port.bind({ hostname: "::1", port: 0 });
      await socket.send(new Uint8Array(65_528), socket.addr);
    },
    noIpv6,
  ],
  [
    "DatagramConn.send() of 65,508 bytes",
    "EMSGSIZE",
    async () => {
      const transport = "udp";
      using conn = listenDatagram({
        hostname: "127.0.0.1",
        port: 0,
        transport,
      });
      await conn.send(new Uint8Array(65_508), conn.addr);
    },
  ],
  [
    "send() to an address of another family",
    "EAFNOSUPPORT",
    onUdp((socket) =>
      socket.send(new Uint8Array(1), { ...socket.addr, hostname: "::1" })
    ),
  ],
  [
    "DatagramSocket.connect() to an address of another family",
    "EAFNOSUPPORT",
    onUdp((socket) => socket.connect({ ...socket.addr, hostname: "::1" })),
  ],
  [
    "joinMulticast() of an IPv6 group on an IPv4 socket",
    "EAFNOSUPPORT",
    onUdp((socket) => socket.joinMulticast("ff02::1234")),
  ],
  [
    "receive() in which nothing comes",
    "ETIMEDOUT",
    onUdp((socket) => socket.receive(new Uint8Array(1), { timeout: 1 })),
  ],
  [
    "send() without a destination",
    "EDESTADDRREQ",
    onUdp((socket) => socket.send(new Uint8Array(1))),
  ],
  ["bind() to an address in use", "EADDRINUSE", ({ port }) => {
    using socket = port.bind({ hostname: "127.0.0.1", port: 0 });
    return port.bind({ hostname: "127.0.0.1", port: socket.addr.port });
  }],
  [
    "bind() to the address of another machine",
    "EADDRNOTAVAIL",
    ({ port }) => port.bind({ hostname: "192.0.2.1", port: 0 }),
  ],
];

const WRONG: Row[] = [
  [
    "listen() on an empty path",
    "TypeError",
    ({ port }) => port.listen({ path: "" }),
  ],
  [
    "connect() with a port beside its path",
    "TypeError",
    ({ port, at }) => port.connect({ path: at("stream"), port: 1 } as never),
  ],
  [
    "listen() with a mode of 01000",
    "RangeError",
    ({ port, at }) => port.listen({ path: at("new"), mode: 0o1000 }),
  ],
  [
    "bind() with a port of 65,536",
    "RangeError",
    ({ port }) => port.bind({ port: 65_536 }),
  ],
  [
    "send() to a port of 0",
    "RangeError",
    onUdp((socket) =>
      socket.send(new Uint8Array(1), { hostname: "127.0.0.1", port: 0 })
    ),
  ],
];

describe("Refused:", () => {
  refused([...isWindows ? PIPES : UNIX, ...UDP, ...WRONG]);
});
