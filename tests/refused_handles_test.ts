// Copyright the iocp authors. MIT license.
/* Sockets of others that are refused, call by call: handles that are no socket, are
 * closed, do not listen or are not connected; wrong tickets and wrong addresses. None
 * leaves a socket or a handle, and a handle that is refused is still the caller's. The
 * arguments that the module itself refuses are in passing_validate_test.ts. */

import { describe } from "node:test";
import {
  dropSocket,
  inboxAddress,
  type Listener,
  type PassedSocket,
  passSocket,
  type PathAddr,
} from "../mod.ts";
import { isWindows, newPath } from "./shared/local.ts";
import { noIpv6 } from "./shared/network.ts";
import {
  closeSocket,
  connectSocket,
  listenOtherFamily,
  listenSocket,
  listenUnixSocket,
  makeSocket,
  openOther,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
} from "./shared/os_socket.ts";
import { type Call, type Place, refused, type Row } from "./shared/refused.ts";

const KEY = isWindows ? "handle" : "fd";
const hostname = "127.0.0.1";

/* ---- the handles */

/* A call with a handle, which must be open afterwards, and is closed. */
function withHandle(
  make: (place: Place) => number,
  call: (place: Place, handle: number) => unknown,
): Call {
  return async (place) => {
    const handle = make(place);
    try {
      await call(place, handle);
    } finally {
      /* This fails with another code if the handle was closed. */
      dropSocket({ handle });
    }
  };
}

/* A call with a handle that is no socket. */
function withOther(call: (place: Place, handle: number) => unknown): Call {
  return (place) => {
    const other = openOther();
    try {
      return call(place, other.handle);
    } finally {
      other.close();
    }
  };
}

/* A call with a handle that was closed before. */
function withClosed(call: (place: Place, handle: number) => unknown): Call {
  return (place) => {
    const handle = makeSocket();
    closeSocket(handle);
    return call(place, handle);
  };
}

/* One end of a connection whose other end is closed afterwards. */
function connected({ port }: Place): number {
  const listener = port.listen({ hostname, port: 0 });
  const handle = connectSocket(listener.addr.port);
  listener.close();
  return handle;
}

const datagram = () => makeSocket(SOCK_DGRAM);
const plain = () => makeSocket();
const listening = () => listenSocket().handle;
const seqpacket = () => listenUnixSocket(`\0${newPath()}`, SOCK_SEQPACKET);
const otherFamily = () => listenOtherFamily()!;

function listen({ port }: Place, handle: number, options: object = {}): void {
  port.listen({ [KEY]: handle, ...options }).close();
}

function adopt({ port }: Place, handle: number): void {
  port.adopt({ handle }).close();
}

const NO_SEQPACKET = isWindows && "Windows has no sockets of that type";
const NO_FAMILY = noOtherFamily();

function noOtherFamily(): string | false {
  const handle = listenOtherFamily();
  if (handle === undefined) return "this system has no sockets of vsock(7)";
  closeSocket(handle);
  return false;
}

/* No process has so many handles. */
const UNUSED = 2 ** 30;
const LARGEST = isWindows ? Number.MAX_SAFE_INTEGER : 2 ** 31 - 1;

const LISTEN: Row[] = [
  ["listen() with what is no socket", "ENOTSOCK", withOther(listen)],
  ["listen() with a closed socket", "ENOTSOCK", withClosed(listen)],
  [
    "listen() with a number that is no handle",
    "ENOTSOCK",
    (place) => listen(place, UNUSED),
  ],
  [
    "listen() with the largest number",
    "ENOTSOCK",
    (place) => listen(place, LARGEST),
  ],
  [
    "listen() with a socket that does not listen",
    "EINVAL",
    withHandle(plain, listen),
  ],
  [
    "listen() with a connected socket",
    "EINVAL",
    withHandle(connected, listen),
  ],
  [
    "listen() with a datagram socket",
    "EINVAL",
    withHandle(datagram, listen),
  ],
  [
    "listen() with a socket of SOCK_SEQPACKET",
    "EINVAL",
    withHandle(seqpacket, listen),
    NO_SEQPACKET,
  ],
  [
    "listen() with a socket of another family",
    "EAFNOSUPPORT",
    withHandle(otherFamily, listen),
    NO_FAMILY,
  ],
  ["listen() with a socket that is on a port", "EEXIST", (place) => {
    const handle = listening();
    using _ = place.port.listen({ [KEY]: handle });
    listen(place, handle);
  }],
  [
    "listen() with an option that the socket does not have",
    "NotSupported",
    /* The socket is closed then. */
    (place) =>
      isWindows
        ? listen(place, listening(), { backlog: 5 })
        : listen(place, listenUnixSocket(`\0${newPath()}`), {
          deferAccept: true,
        }),
  ],
];

const ADOPT: Row[] = [
  ["adopt() of what is no socket", "ENOTSOCK", withOther(adopt)],
  ["adopt() of a closed socket", "ENOTSOCK", withClosed(adopt)],
  [
    "adopt() of the largest number",
    "ENOTSOCK",
    (place) => adopt(place, LARGEST),
  ],
  [
    "adopt() of a socket that is not connected",
    "ENOTCONN",
    withHandle(plain, adopt),
  ],
  [
    "adopt() of a socket that listens",
    "ENOTCONN",
    withHandle(listening, adopt),
  ],
  [
    "adopt() of a datagram socket",
    "ENOTCONN",
    withHandle(datagram, adopt),
  ],
];

/* ---- passing */

const pass = (_: Place, handle: number) =>
  passSocket({ handle }, inboxAddress());
const drop = (_: Place, handle: number) => dropSocket({ handle });

/* The address of an inbox that no process has: another name, or another process. */
function goneAddress(): Uint8Array {
  const address = inboxAddress();
  address[address.length - 1]! ^= 0x55;
  return address;
}

/* A call with a listener, which is closed. */
function onListener(
  use: (listener: Listener) => unknown,
): Call {
  return async ({ port }) => {
    using listener = port.listen({ hostname, port: 0 });
    return await use(listener);
  };
}

function onPipe(use: (listener: Listener<PathAddr>) => unknown): Call {
  return async ({ port }) => {
    using listener = port.listen({ path: newPath() });
    return await use(listener);
  };
}

/* The ticket of a socket that this process has closed, so that only the ticket has
 * it. On Windows, where that is not allowed, it is closed after the call. */
function withTicket(
  make: (place: Place) => number,
  call: (place: Place, passed: PassedSocket) => unknown,
): Call {
  return (place) => {
    const handle = make(place);
    const ticket = passSocket({ handle }, inboxAddress());
    if (!isWindows) dropSocket({ handle });
    try {
      return call(place, { ticket });
    } finally {
      if (isWindows) dropSocket({ handle });
    }
  };
}

const listenTicket = ({ port }: Place, { ticket }: PassedSocket) =>
  port.listen({ ticket }).close();
const adoptTicket = ({ port }: Place, passed: PassedSocket) =>
  port.adopt(passed).close();
const TICKET = isWindows ? 628 : 16;
const ofLength = (length: number): PassedSocket => ({
  ticket: new Uint8Array(length),
});

const PASS: Row[] = [
  ["passSocket() of what is no socket", "ENOTSOCK", withOther(pass)],
  ["passSocket() of a closed socket", "ENOTSOCK", withClosed(pass)],
  ["passSocket() of the largest number", "ENOTSOCK", (place) => {
    pass(place, LARGEST);
  }],
  ["dropSocket() of what is no socket", "ENOTSOCK", withOther(drop)],
  ["dropSocket() of a closed socket", "ENOTSOCK", withClosed(drop)],
  ...[0, 1, 8, 17, 500].flatMap((length): Row[] => [
    [
      `passSocket() to an address of ${length} bytes`,
      "EINVAL",
      withHandle(
        plain,
        (_, handle) => passSocket({ handle }, new Uint8Array(length)),
      ),
    ],
    [
      `Listener.pass() to an address of ${length} bytes`,
      "EINVAL",
      onListener((listener) => listener.pass(new Uint8Array(length))),
    ],
  ]),
  [
    "passSocket() to a process that has ended",
    "ECONNREFUSED",
    withHandle(plain, (_, handle) => passSocket({ handle }, goneAddress())),
  ],
  [
    "Listener.pass() to a process that has ended",
    "ECONNREFUSED",
    onListener((listener) => listener.pass(goneAddress())),
  ],
  [
    "passSocket() to an inbox that is full",
    "EBUSY",
    withHandle(plain, (place, handle) => {
      const tickets: Uint8Array[] = [];
      try {
        for (;;) tickets.push(passSocket({ handle }, inboxAddress()));
      } finally {
        for (const ticket of tickets) {
          try {
            adoptTicket(place, { ticket });
          } catch {
            /* It is not connected, and was closed. */
          }
        }
      }
    }),
    isWindows && "an inbox of Windows holds nothing",
  ],
  ["Listener.pass() of a closed listener", "EBADF", ({ port }) => {
    const listener = port.listen({ hostname, port: 0 });
    listener.close();
    listener.pass(inboxAddress());
  }],
  [
    "Listener.pass() of a listener with two sockets",
    "NotSupported",
    ({ port }) => {
      using listener = port.listen({ hostname: "localhost", port: 0 });
      listener.pass(inboxAddress());
    },
    noIpv6,
  ],
  [
    "Listener.pass() of a named pipe",
    "NotSupported",
    onPipe((listener) => listener.pass(inboxAddress())),
    !isWindows && "only Windows has named pipes",
  ],
  [
    "Listener.stop() of a named pipe",
    "NotSupported",
    onPipe((listener) => listener.stop()),
    !isWindows && "only Windows has named pipes",
  ],
  [
    "accept() after stop()",
    "EBADF",
    onListener(async (listener) => {
      await Promise.all([listener.stop(), listener.stop()]);
      await listener.stop();
      await listener.accept();
    }),
  ],
];

const TAKE: Row[] = [
  ...[listenTicket, adoptTicket].flatMap((take): Row[] => {
    const name = take === listenTicket ? "listen()" : "adopt()";
    const other = take === listenTicket ? "EINVAL" : "ENOTCONN";
    const make = take === listenTicket ? connected : listening;
    return [
      ...[0, 3, TICKET - 1, TICKET + 1].map((length): Row => [
        `${name} with a ticket of ${length} bytes`,
        "EINVAL",
        (place) => take(place, ofLength(length)),
      ]),
      [
        `${name} with a ticket that was never given`,
        "ENOENT",
        (place) => take(place, ofLength(TICKET)),
      ],
      [
        `${name} with the ticket of ${
          take === listenTicket ? "a connection" : "a listener"
        }`,
        other,
        withTicket(make, take),
      ],
      [
        `${name} with the ticket of a datagram socket`,
        other,
        withTicket(datagram, take),
      ],
      [
        `${name} with the ticket of a plain socket`,
        other,
        withTicket(plain, take),
      ],
    ];
  }),
  [
    "listen() with a ticket that was used",
    "ENOENT",
    withTicket(listening, (place, passed) => {
      listenTicket(place, passed);
      listenTicket(place, passed);
    }),
  ],
  [
    "adopt() with a ticket that was used",
    "ENOENT",
    withTicket(listening, (place, passed) => {
      listenTicket(place, passed);
      adoptTicket(place, passed);
    }),
  ],
  [
    "listen() with a ticket, and an option that the socket does not have",
    "NotSupported",
    withTicket(
      () => isWindows ? listening() : listenUnixSocket(`\0${newPath()}`),
      ({ port }, { ticket }) =>
        port.listen({
          ticket,
          ...isWindows ? { backlog: 5 } : { deferAccept: true },
        }),
    ),
  ],
];

describe("Refused:", () => refused([...LISTEN, ...ADOPT, ...PASS, ...TAKE]));
