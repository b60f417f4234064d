// Copyright the iocp authors. MIT license.
/* Every method of a connection in every state of a connection. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { adopt, type Conn } from "../mod.ts";
import { within } from "./shared/deadline.ts";
import { outcome } from "./shared/outcome.ts";
import { type Pair, pair, readUntilReset } from "./shared/pair.ts";

const CALLS = {
  "read(p)": (conn) => conn.read(new Uint8Array(8)),
  "read(empty)": (conn) => conn.read(new Uint8Array(0)),
  "next()": (conn) => conn[Symbol.asyncIterator]().next(),
  "return()": (conn) => conn[Symbol.asyncIterator]().return!(),
  "reader().peek(1)": (conn) => conn.reader().peek(1),
  "lines().next()": (conn) => conn.lines({ timeout: 10 }).next(),
  "frames().next()": (conn) => conn.frames().next(),
  "readable": (conn) => conn.readable.getReader().read(),
  "write(p)": (conn) => conn.write(new Uint8Array(8)),
  "write(empty)": (conn) => conn.write(new Uint8Array(0)),
  "writable": (conn) => conn.writable.getWriter().write(new Uint8Array(8)),
  "writable.close()": (conn) => conn.writable.close(),
  "writable.abort()": (conn) => conn.writable.abort(),
  "closeWrite()": (conn) => conn.closeWrite(),
  "setNoDelay()": (conn) => conn.setNoDelay(),
  "setKeepAlive()": (conn) => conn.setKeepAlive(),
  "setOptions()": (conn) => conn.setOptions({ receive: { mode: "flow" } }),
  "options": (conn) => conn.options.closeTimeout,
  "stats()": (conn) => conn.stats().sends,
  /* An "error" event without a listener would end the process. */
  "duplex()": (conn) => conn.duplex().on("error", () => {}).destroyed,
  "detach()": async (conn) => adopt(await conn.detach()).close(),
  "localAddr": (conn) => conn.localAddr,
  "remoteAddr": (conn) => conn.remoteAddr,
  "ref()": (conn) => conn.ref(),
  "unref()": (conn) => conn.unref(),
  "close()": (conn) => conn.close(),
  "reset()": (conn) => conn.reset(),
  "[Symbol.dispose]()": (conn) => conn[Symbol.dispose](),
  "[Symbol.asyncDispose]()": (conn) => conn[Symbol.asyncDispose](),
} satisfies Record<string, (conn: Conn) => unknown>;
type Outcomes = Record<keyof typeof CALLS, string>;

/* Blocking calls, and the asynchronous call whose result they must have. */
const BLOCKING: [name: string, (conn: Conn) => unknown, keyof Outcomes][] = [
  ["readSync(p)", (conn) => conn.readSync(new Uint8Array(8)), "read(p)"],
  [
    "readSync(empty)",
    (conn) => conn.readSync(new Uint8Array(0)),
    "read(empty)",
  ],
  ["writeSync(p)", (conn) => conn.writeSync(new Uint8Array(8)), "write(p)"],
  [
    "writeSync(empty)",
    (conn) => conn.writeSync(new Uint8Array(0)),
    "write(empty)",
  ],
];

/* Calls that never fail. */
const ALWAYS = {
  "return()": "done",
  "writable.abort()": "undefined",
  "localAddr": "an address",
  "remoteAddr": "an address",
  "ref()": "undefined",
  "unref()": "undefined",
  "close()": "undefined",
  "reset()": "undefined",
  "[Symbol.dispose]()": "undefined",
  "[Symbol.asyncDispose]()": "undefined",
};
const CLOSED: Outcomes = {
  ...ALWAYS,
  "read(p)": "EBADF",
  "read(empty)": "EBADF",
  "next()": "done",
  "reader().peek(1)": "EBADF",
  "lines().next()": "done",
  "frames().next()": "done",
  "readable": "done",
  "write(p)": "EBADF",
  "write(empty)": "EBADF",
  "writable": "EBADF",
  "writable.close()": "undefined",
  "closeWrite()": "EBADF",
  "setNoDelay()": "EBADF",
  "setKeepAlive()": "EBADF",
  "setOptions()": "EBADF",
  "options": "EBADF",
  "stats()": "EBADF",
  "duplex()": "EBADF",
  "detach()": "EBADF",
};
const OPEN: Outcomes = {
  ...ALWAYS,
  "read(p)": "4",
  "read(empty)": "0",
  "next()": "4 bytes",
  "reader().peek(1)": "1 bytes",
  /* The bytes that have come have no newline. */
  "lines().next()": "ETIMEDOUT",
  "frames().next()": "0 bytes",
  "readable": "4 bytes",
  "write(p)": "8",
  "write(empty)": "0",
  "writable": "undefined",
  "writable.close()": "undefined",
  "closeWrite()": "undefined",
  "setNoDelay()": "undefined",
  "setKeepAlive()": "undefined",
  "setOptions()": "undefined",
  "options": "30000",
  "stats()": "0",
  "duplex()": "false",
  "detach()": "undefined",
};
const PEER_ENDED: Outcomes = {
  ...OPEN,
  "read(p)": "null",
  "next()": "done",
  "reader().peek(1)": "null",
  "lines().next()": "done",
  "frames().next()": "done",
  "readable": "done",
};
const RESET: Outcomes = {
  ...OPEN,
  "read(p)": "ECONNRESET",
  "next()": "ECONNRESET",
  "reader().peek(1)": "ECONNRESET",
  "lines().next()": "ECONNRESET",
  "frames().next()": "ECONNRESET",
  "readable": "ECONNRESET",
  "write(p)": "ECONNRESET",
  "write(empty)": "ECONNRESET",
  "writable": "ECONNRESET",
  "writable.close()": "ECONNRESET",
  "closeWrite()": "ECONNRESET",
  /* The call reaches the system, which may refuse it after a reset. */
  "setNoDelay()": "undefined|ECONNRESET|EINVAL|ENOTCONN",
  "setKeepAlive()": "undefined|ECONNRESET|EINVAL|ENOTCONN",
  "detach()": "ECONNRESET",
};

interface State {
  name: string;
  /** Brings the client into the state. */
  enter(ends: Pair): unknown;
  outcomes: Outcomes;
}

const STATES: State[] = [
  {
    name: "an open connection",
    enter: ({ server }) => server.write(new Uint8Array(4)),
    outcomes: OPEN,
  },
  {
    name: "a closed connection",
    enter: ({ client }) => client.close(),
    outcomes: CLOSED,
  },
  {
    name: "a disposed connection",
    enter: ({ client }) => client[Symbol.asyncDispose](),
    outcomes: CLOSED,
  },
  {
    name: "a connection that this side has reset",
    enter: ({ client }) => client.reset(),
    outcomes: CLOSED,
  },
  {
    name: "a connection whose loop has ended",
    enter: async ({ client, server }) => {
      await server.closeWrite();
      for await (const chunk of client) assert.fail(`${chunk.length}`);
    },
    outcomes: CLOSED,
  },
  {
    name: "a connection whose peer has half-closed it",
    enter: async ({ client, server }) => {
      await server.closeWrite();
      assert.equal(await client.read(new Uint8Array(8)), null);
    },
    outcomes: PEER_ENDED,
  },
  {
    name: "a connection whose peer has half-closed it, before it reads the end",
    enter: ({ server }) => server.closeWrite(),
    outcomes: PEER_ENDED,
  },
  {
    name: "a connection that this side has half-closed",
    enter: async ({ client, server }) => {
      await client.closeWrite();
      assert.equal(await server.read(new Uint8Array(8)), null);
      await server.write(new Uint8Array(4));
    },
    outcomes: {
      ...OPEN,
      "write(p)": "EPIPE",
      "write(empty)": "EPIPE",
      "writable": "EPIPE",
    },
  },
  {
    name: "a connection that both sides have half-closed",
    enter: async ({ client, server }) => {
      await Promise.all([client.closeWrite(), server.closeWrite()]);
      assert.equal(await client.read(new Uint8Array(8)), null);
    },
    outcomes: {
      ...PEER_ENDED,
      "write(p)": "EPIPE",
      "write(empty)": "EPIPE",
      "writable": "EPIPE",
      "detach()": "ENOTCONN",
    },
  },
  {
    name: "a connection that the peer has reset",
    enter: async ({ client, server }) => {
      server.reset();
      await readUntilReset(client);
    },
    outcomes: RESET,
  },
  {
    name: "a connection whose loop has failed with a reset",
    enter: async ({ client, server }) => {
      server.reset();
      await assert.rejects(client[Symbol.asyncIterator]().next(), {
        code: "ECONNRESET",
      });
    },
    outcomes: CLOSED,
  },
  {
    name: "a connection whose port was closed",
    enter: ({ port }) => port.close(),
    outcomes: CLOSED,
  },
];

for (const { name, enter, outcomes } of STATES) {
  describe(`On ${name}`, () => {
    const calls = [
      ...Object.entries(CALLS).map(([call, method]) =>
        [call, method, call as keyof Outcomes] as const
      ),
      ...BLOCKING,
    ];
    for (const [call, method, like] of calls) {
      const expected = outcomes[like];
      test(`Conn.${call} gives ${expected}`, async () => {
        using ends = await pair();
        await within("entering the state", Promise.resolve(enter(ends)));
        const result = await outcome(() => method(ends.client));
        assert.ok(expected.split("|").includes(result), result);
      });
    }
  });
}
