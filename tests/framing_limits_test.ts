// Copyright the iocp authors. MIT license.
/* Every call of a reader, and every turn of its loops, ends by its timeout and by its
 * signal, and leaves what comes later to the next call. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ByteReader, frames, lines, type OperationOptions } from "../mod.ts";
import { isSettled, within } from "./shared/deadline.ts";
import { errorFrom } from "./shared/outcome.ts";
import { bytesOf } from "./shared/pattern.ts";
import { type Ends, transports } from "./shared/transports.ts";

type Conn = Ends["server"];
type Call<T> = (source: T, options: OperationOptions) => Promise<unknown>;

const calls: Record<string, Call<ByteReader>> = {
  "read()": (reader, options) => reader.read(new Uint8Array(9), options),
  "readExactly()": (reader, options) => reader.readExactly(2, options),
  "readUntil()": (reader, options) => reader.readUntil("\n", options),
  "readLine()": (reader, options) => reader.readLine(options),
  "peek()": (reader, options) => reader.peek(2, options),
  "skip()": (reader, options) => reader.skip(2, options),
  "a turn of lines()": (reader, options) => reader.lines(options).next(),
  "a turn of frames()": (reader, options) => reader.frames(options).next(),
};

const loopsOfConn: Record<string, Call<Conn>> = {
  "a turn of conn.lines()": (conn, options) => conn.lines(options).next(),
  "a turn of conn.frames()": (conn, options) => conn.frames(options).next(),
};

/* A stream has one reader for ever, so nothing else can read what they leave. */
const loopsOfStream: Record<string, Call<Conn>> = {
  "a turn of lines(stream)": ({ readable }, options) =>
    lines(readable, options).next(),
  "a turn of frames(stream)": ({ readable }, options) =>
    frames(readable, options).next(),
};

/** Ends calls that wait for bytes which do not come. */
async function endCalls(
  call: (options: OperationOptions) => Promise<unknown>,
): Promise<void> {
  const { code } = await errorFrom(call({ timeout: 20 }));
  assert.equal(code, "ETIMEDOUT");
  await abortCall(call);
  const aborted = call({ signal: AbortSignal.abort("before") });
  await assert.rejects(
    within("it", aborted),
    (reason) => reason === "before",
  );
}

async function abortCall(
  call: (options: OperationOptions) => Promise<unknown>,
): Promise<void> {
  const controller = new AbortController();
  const pending = call({ signal: controller.signal });
  assert.equal(await isSettled(pending), false);
  controller.abort("why");
  await assert.rejects(within("it", pending), (reason) => reason === "why");
}

async function checkNothingIsLost(
  { client }: Ends,
  reader: ByteReader,
): Promise<void> {
  await client.write(bytesOf("hello\n"));
  assert.equal(await within("a line", reader.readLine()), "hello");
}

for (const { name, open } of transports) {
  describe(`A limit over ${name} ends`, () => {
    for (const [what, call] of Object.entries(calls)) {
      test(what, async () => {
        using ends = await open();
        const reader = ends.server.reader();
        await endCalls((options) => call(reader, options));
        await checkNothingIsLost(ends, reader);
      });
    }
    for (const [what, call] of Object.entries(loopsOfConn)) {
      test(what, async () => {
        using ends = await open();
        const { server } = ends;
        await endCalls((options) => call(server, options));
        await checkNothingIsLost(ends, server.reader());
      });
    }
  });
}

describe("A limit over an async iterable ends", () => {
  const [{ open }] = transports as [typeof transports[0]];
  for (const [what, call] of Object.entries(calls)) {
    test(what, async () => {
      using ends = await open();
      const reader = new ByteReader(ends.server.readable);
      await endCalls((options) => call(reader, options));
      await checkNothingIsLost(ends, reader);
    });
  }
  for (const [what, call] of Object.entries(loopsOfStream)) {
    test(what, async () => {
      using late = await open();
      const error = await errorFrom(call(late.server, { timeout: 20 }));
      assert.equal(error.code, "ETIMEDOUT");
      using aborted = await open();
      await abortCall((options) => call(aborted.server, options));
    });
  }
});
