// Copyright the iocp authors. MIT license.
/* Every wrong argument of the calls for sockets of others: listen() with a handle or
 * a ticket, adopt() of a ticket, inheritedListeners(), and those that pass sockets.
 * The message names the argument, and the sockets are not touched. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  adopt,
  dropSocket,
  inboxAddress,
  inheritedListeners,
  listen,
  passSocket,
} from "../mod.ts";
import { eventually } from "./shared/deadline.ts";
import { openHandles } from "./shared/handles.ts";
import { isWindows } from "./shared/local.ts";
import { listenSocket } from "./shared/os_socket.ts";
import {
  integer,
  NOT_BYTES,
  NOT_OBJECTS,
  refuses,
  type Wrong,
} from "./shared/wrong.ts";

const KEY = isWindows ? "handle" : "fd";
const OTHER = isWindows ? "fd" : "handle";
/* A descriptor of Linux is an int. */
const HANDLE_MAX = isWindows ? Number.MAX_SAFE_INTEGER : 2 ** 31 - 1;
const HANDLE = integer(0, HANDLE_MAX);
/* Undefined is as if it were left out. */
const TICKET: Wrong = {
  TypeError: NOT_BYTES.filter((value) => value !== undefined),
};
const BYTES: Wrong = { TypeError: NOT_BYTES };

/* What the maker of a socket has decided. */
const OF_THE_MAKER: Record<string, Wrong> = Object.fromEntries(
  Object.entries({
    port: [80, 0, "80"],
    hostname: ["127.0.0.1", ""],
    path: ["/tmp/a", ""],
    transport: ["tcp", "unix"],
    ipv6Only: [true, false],
    reusePort: [true, false],
    mode: [0o600],
    access: ["user"],
    replaceStale: [true, false],
  }).map(([key, values]) => [key, { TypeError: [...values, null] }]),
);
const OF_A_LISTENER: Record<string, Wrong> = {
  ...OF_THE_MAKER,
  backlog: integer(1, 65_535),
  acceptPool: integer(1, 1_024),
  firstByteTimeout: integer(0, 2 ** 31 - 1),
  deferAccept: { TypeError: [1, "true", null, {}] },
  noDelay: { TypeError: [1, "true", null, {}] },
  receive: { TypeError: [1, null] },
};

const { handle } = listenSocket();
const listener = listen({ hostname: "127.0.0.1", port: 0 });
const address = inboxAddress();
const ticket = listener.pass(address);
const share = listener.share();
const handles = openHandles();

refuses(
  `listen({ ${KEY} })`,
  { ...OF_A_LISTENER, [KEY]: HANDLE },
  (argument, value) => listen({ [KEY]: handle, [argument]: value } as never),
);
refuses(
  "listen({ ticket })",
  {
    ...OF_A_LISTENER,
    ticket: TICKET,
    fd: { TypeError: [3, null] },
    handle: { TypeError: [3, null] },
  },
  (argument, value) => listen({ ticket, [argument]: value } as never),
);
refuses(
  "listen({ share })",
  {
    ...OF_A_LISTENER,
    /* Null is none of its options; undefined is as if it were left out. */
    backlog: { TypeError: [511, 0, null] },
    share: {
      TypeError: NOT_OBJECTS.filter((value) => value !== undefined),
    },
    ticket: TICKET,
    fd: { TypeError: [3, null] },
    handle: { TypeError: [3, null] },
  },
  (argument, value) => listen({ share, [argument]: value } as never),
);
refuses(
  "adopt() of a ticket",
  {
    ticket: TICKET,
    handle: { TypeError: [3, null] },
    bytes: TICKET,
  },
  (argument, value) => adopt({ ticket, [argument]: value } as never),
);
refuses(
  "adopt() of a handle",
  { handle: HANDLE, bytes: TICKET },
  (argument, value) => adopt({ handle, [argument]: value } as never),
);
refuses(
  "adopt()",
  { socket: { TypeError: [undefined, ...NOT_OBJECTS] } },
  (_, value) => adopt(value as never),
);
refuses(
  "adopt() with options",
  { options: { TypeError: NOT_OBJECTS } },
  (_, value) => adopt({ handle }, value as never),
);
refuses(
  "inheritedListeners()",
  {
    ...OF_A_LISTENER,
    fd: { TypeError: [3, null] },
    handle: { TypeError: [3, null] },
    ticket: { TypeError: [ticket, null] },
  },
  (argument, value) => inheritedListeners({ [argument]: value } as never),
);
refuses(
  "inheritedListeners() with options",
  { options: { TypeError: NOT_OBJECTS } },
  (_, value) => inheritedListeners(value as never),
);
for (const call of [passSocket, dropSocket]) {
  refuses(
    `${call.name}()`,
    { handle: HANDLE },
    (_, handle) => call({ handle } as never, address),
  );
  refuses(
    `${call.name}() of what is no detached connection`,
    { handle: { TypeError: [undefined, null, 1, "text", {}, { ticket }] } },
    (_, value) => call(value as never, address),
  );
}
refuses(
  "passSocket() to what is no address",
  { address: BYTES },
  (_, value) => passSocket({ handle }, value as never),
);
refuses(
  "Listener.pass()",
  { address: BYTES },
  (_, value) => listener.pass(value as never),
);

test("The socket of the other system is refused", () => {
  assert.throws(() => listen({ [OTHER]: handle }), {
    name: "NotSupported",
    message: new RegExp(`^Cannot listen with ${OTHER}: a socket of`),
  });
});

test("Wrong arguments leave the sockets as they were", async () => {
  await eventually("no handle is left", () => openHandles() <= handles + 4);
  /* The ticket is still good, and the handle still listens. */
  listen({ ticket }).close();
  listen({ [KEY]: handle }).close();
  assert.equal(listener.addr.transport, "tcp");
  listener.close();
});
