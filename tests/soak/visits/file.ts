// Copyright the iocp authors. MIT license.
/* Visits with conn.sendFile(), over TCP and over local sockets. */

import { truncateSync, writeFileSync } from "node:fs";
import { type Addr, type Conn, SocketError } from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { TemporaryFolder } from "../../shared/files.ts";
import { concat, Digest, digest, pattern } from "../../shared/pattern.ts";
import { pickOptions, pickReceive } from "../../shared/style.ts";
import { receiveByLoop } from "../../shared/transfer.ts";
import {
  type Context,
  fails,
  type Kind,
  newSeed,
  requireOneOf,
  requireSame,
  settles,
  TRANSFER_MAX,
} from "../context.ts";
import { type Ends, readFully } from "../hub.ts";
import { connectLocal } from "./local.ts";

/* More than the buffers of a system take. */
const LARGE = 8_000_000;

interface Visit {
  readonly from: Conn<Addr>;
  readonly to: Conn<Addr>;
  readonly path: string;
  readonly bytes: Uint8Array;
}

/* A visit with a connection and a file. */
function withFile(
  pickSize: (context: Context) => number,
  use: (context: Context, visit: Visit) => Promise<void>,
) {
  return async (context: Context) => {
    const { hub, port, random, counters } = context;
    const ends: Ends = random.chance(0.4)
      ? await connectLocal(context)
      : await hub.connect(port, pickOptions(random));
    using folder = new TemporaryFolder();
    const bytes = pattern(pickSize(context), newSeed(context));
    const path = folder.join("file");
    writeFileSync(path, bytes);
    const [from, to] = random.shuffled([ends.client, ends.server]) as [
      Conn<Addr>,
      Conn<Addr>,
    ];
    await use(context, { from, to, path, bytes });
    counters.bytes += bytes.length;
    for (const conn of [from, to]) conn.close();
  };
}

/* Parts of the file and writes, in turns or at once. */
async function parts(
  context: Context,
  { from, to, path, bytes }: Visit,
): Promise<void> {
  const { random } = context;
  const received = pickReceive(random)(to);
  const expected: Uint8Array[] = [];
  const calls: Promise<number>[] = [];
  for (let i = random.integer(1, 6); i > 0; i--) {
    const offset = random.integer(0, bytes.length);
    const length = random.integer(0, bytes.length - offset);
    const isToEnd = random.chance(0.3);
    const part = bytes.subarray(offset, isToEnd ? undefined : offset + length);
    expected.push(part);
    calls.push(
      random.chance(0.3) ? from.write(part) : from.sendFile(path, {
        offset,
        ...(isToEnd ? {} : { length }),
      }),
    );
    if (random.chance(0.3)) await calls.at(-1);
  }
  if (random.chance(0.5)) await Promise.all(calls);
  from.close();
  const counts = await Promise.all(calls);
  requireSame("the counts", `${counts}`, `${expected.map((p) => p.length)}`);
  requireSame("the parts", await received, digest(concat(expected)));
}

/* Calls that end by a signal, a timeout or their progress, and are continued where
 * they have ended. */
async function cancel(
  context: Context,
  { from, to, path, bytes }: Visit,
): Promise<void> {
  const { random, counters } = context;
  const received = receiveByLoop(to);
  for (let offset = 0; offset < bytes.length;) {
    const enough = () => {
      if (random.chance(0.2)) throw new Error("enough");
    };
    const limits = random.pick([
      { timeout: random.integer(0, 5) },
      { signal: AbortSignal.timeout(random.integer(0, 5)) },
      { onProgress: enough },
    ]);
    try {
      offset += await from.sendFile(path, { offset, ...limits });
    } catch (error) {
      const codes = ["ETIMEDOUT", "ECANCELED"];
      requireOneOf("a file", counters.failed(error), codes);
      offset += (error as SocketError).bytesWritten!;
    }
  }
  from.close();
  requireSame("an aborted file", await received, digest(bytes));
}

/* One end is reset or closed in the middle. */
async function reset(
  context: Context,
  { from, to, path, bytes }: Visit,
): Promise<void> {
  const { random, counters } = context;
  const result = new Digest();
  const sent = settles(context, "a file", from.sendFile(path));
  const first = new Uint8Array(random.size(10_000));
  await readFully(to, first);
  result.add(first);
  counters.resets++;
  if (random.chance(0.5)) to.reset();
  else {
    const received = settles(context, "a read", receiveByLoop(to, result));
    await delay(random.integer(0, 3));
    from.reset();
    await received;
    const expected = digest(bytes.subarray(0, result.length));
    requireSame("what came", result.text(), expected);
  }
  await sent;
}

/* The file becomes shorter meanwhile. What was on its way may be sent as zeros, but
 * what is left of the file is right, and its end is none of the stream. The reset takes
 * what was not received yet, on Windows. */
async function shrink(
  context: Context,
  { from, to, path, bytes }: Visit,
): Promise<void> {
  const { random } = context;
  const sent = fails(context, "a file", from.sendFile(path), ["ENODATA"]);
  const length = random.size(10_000);
  const first = new Uint8Array(1);
  await readFully(to, first);
  truncateSync(path, length);
  const received: Uint8Array[] = [first];
  const rest = (async () => {
    for await (const chunk of to) received.push(chunk);
  })();
  /* Local sockets have no RST, but for the server of a named pipe. */
  if (to.localAddr.transport === "tcp") {
    await fails(context, "a read", rest, ["ECONNRESET"]);
  } else await settles(context, "a read", rest);
  const start = concat(received).subarray(0, length);
  const expected = digest(bytes.subarray(0, start.length));
  requireSame("its start", digest(start), expected);
  await sent;
}

const small = ({ random }: Context) => random.size(TRANSFER_MAX);
const large = () => LARGE;

/** The kinds of visits. */
export const FILE: Readonly<Record<string, Kind>> = {
  file: { visit: withFile(small, parts), share: 10 },
  fileCancel: { visit: withFile(small, cancel), share: 3 },
  fileReset: { visit: withFile(large, reset), share: 4 },
  fileShrink: { visit: withFile(large, shrink), share: 2 },
};
