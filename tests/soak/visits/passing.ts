// Copyright the iocp authors. MIT license.
/* Visits with sockets of others: those that are passed through the inbox of this
 * thread, and those that another library has made. */

import { rmSync } from "node:fs";
import {
  type Addr,
  type CompletionPort,
  type Conn,
  dropSocket,
  inboxAddress,
  type Listener,
  type NetAddr,
  passSocket,
  SocketError,
} from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { isWindows, newPath } from "../../shared/local.ts";
import {
  connectSocket,
  listenSocket,
  listenUnixSocket,
} from "../../shared/os_socket.ts";
import { Digest, digest, pattern } from "../../shared/pattern.ts";
import { pickLocalOptions, pickOptions } from "../../shared/style.ts";
import { receiveByLoop, sendWhole } from "../../shared/transfer.ts";
import {
  type Context,
  fails,
  type Kind,
  newSeed,
  requireSame,
} from "../context.ts";
import type { Ends } from "../hub.ts";
import { connectLocal } from "./local.ts";
import { exchangeExactly, moveDuring } from "./stream.ts";

const KEY = isWindows ? "handle" : "fd";
const hostname = "127.0.0.1";

/* An inbox on Linux has room for ten sockets, which other visits may need. */
async function passed<T>(
  { counters }: Context,
  pass: () => T,
): Promise<T> {
  for (;;) {
    try {
      const ticket = pass();
      counters.passed++;
      return ticket;
    } catch (error) {
      const isFull = error instanceof SocketError && error.code === "EBUSY";
      if (!isFull) throw error;
      counters.failed(error);
      await delay(1);
    }
  }
}

/* A connection is passed to the inbox and taken from it, while its peer sends. */
async function passConnection(context: Context): Promise<void> {
  const { hub, port, otherPort, random } = context;
  const isLocal = !isWindows && random.chance(0.5);
  const pick = () => isLocal ? pickLocalOptions(random) : pickOptions(random);
  const ends: Ends = isLocal
    ? await connectLocal(context)
    : await hub.connect(port, pick());
  await moveDuring(context, ends, sendWhole, async (conn) => {
    const socket = await conn.detach();
    const { bytes } = socket;
    const address = inboxAddress();
    const ticket = await passed(context, () => passSocket(socket, address));
    if (random.chance(0.5)) await delay(random.integer(0, 2));
    const moved = otherPort.adopt<Addr>({ ticket, bytes }, pick());
    dropSocket(socket);
    return moved;
  });
}

/* A named pipe cannot be passed, and is not harmed by the attempt. */
async function passPipe(context: Context): Promise<void> {
  const { otherPort, random } = context;
  const { client, server } = await connectLocal(context);
  const socket = await client.detach();
  const pass = async () => passSocket(socket, inboxAddress());
  await fails(context, "passing a pipe", pass(), ["ENOTSOCK"]);
  const adopted = otherPort.adopt<Addr>(socket, pickLocalOptions(random));
  await exchangeExactly(context, { client: adopted, server });
}

/* Answers each connection, until the listener is closed. Returns their number. */
async function answerAll(
  listener: Listener<Addr>,
  answer: Uint8Array,
): Promise<number> {
  const answers: Promise<void>[] = [];
  for await (const conn of listener) {
    answers.push(conn.write(answer).then(() => conn.close()));
  }
  await Promise.all(answers);
  return answers.length;
}

/* Connects some clients at once, each of which gets the answer. */
async function askAll(
  { port, random, counters }: Context,
  addr: Addr,
  answer: Uint8Array,
): Promise<number> {
  const count = random.integer(1, 5);
  await Promise.all(Array.from({ length: count }, async () => {
    const conn: Conn<Addr> = await port.connect(addr as NetAddr);
    counters.made++;
    requireSame("an answer", await receiveByLoop(conn), digest(answer));
    counters.bytes += answer.length;
  }));
  return count;
}

/* A listener is passed and replaces the one that passes it, which stops. */
async function passListener(context: Context): Promise<void> {
  const { otherPort, random } = context;
  const isLocal = !isWindows && random.chance(0.4);
  const old: Listener<Addr> = isLocal
    ? otherPort.listen({ path: `\0${newPath()}`, ...pickLocalOptions(random) })
    : otherPort.listen({ hostname, port: 0, ...pickOptions(random) });
  const answer = pattern(random.size(10_000), newSeed(context));
  const address = inboxAddress();
  const ticket = await passed(context, () => old.pass(address));
  const next: Listener<Addr> = otherPort.listen({ ticket });
  requireSame(
    "the address",
    JSON.stringify(next.addr),
    JSON.stringify(old.addr),
  );
  const served = Promise.all([
    answerAll(old, answer),
    answerAll(next, answer),
  ]);
  const ask = () => askAll(context, next.addr, answer);
  const first = await ask();
  const [, during] = await Promise.all([old.stop(), ask()]);
  const last = await ask();
  next.close();
  const [byOld, byNext] = await served;
  requireSame("the connections", byOld + byNext, first + during + last);
}

function listenOnHandle(
  port: CompletionPort,
  path: string | undefined,
): Listener<Addr> {
  const handle = path === undefined
    ? listenSocket().handle
    : listenUnixSocket(path);
  return port.listen({ [KEY]: handle });
}

/* A socket that listens already becomes a listener. */
async function listenHandle(context: Context): Promise<void> {
  const { otherPort, random } = context;
  const isLocal = !isWindows && random.chance(0.5);
  const path = isLocal ? newPath() : undefined;
  const listener = listenOnHandle(otherPort, path);
  const answer = pattern(random.size(10_000), newSeed(context));
  const served = answerAll(listener, answer);
  const count = await askAll(context, listener.addr, answer);
  listener.close();
  requireSame("the connections", await served, count);
  /* It is left to its maker. */
  if (path !== undefined) rmSync(path);
}

/* A connected socket of the system becomes a connection. */
async function adoptHandle(context: Context): Promise<void> {
  const { otherPort, random } = context;
  const listener = otherPort.listen({ hostname, port: 0 });
  const accepted = listener.accept();
  const handle = connectSocket(listener.addr.port);
  const client = otherPort.adopt({ handle }, pickOptions(random));
  const server = await accepted;
  listener.close();
  context.counters.made++;
  await exchangeExactly(context, { client, server });
}

/* A socket is passed, and dropped before it is taken, or never taken. */
async function passAndDrop(context: Context): Promise<void> {
  const { hub, port, otherPort, random } = context;
  const { client, server } = await hub.connect(port, pickOptions(random));
  const socket = await client.detach();
  const address = inboxAddress();
  const ticket = await passed(context, () => passSocket(socket, address));
  dropSocket(socket);
  const { bytes } = socket;
  const moved = otherPort.adopt({ ticket, bytes });
  const sent = pattern(random.size(10_000), newSeed(context));
  const result = new Digest();
  const received = receiveByLoop(moved, result);
  await server.write(sent);
  server.close();
  requireSame("what came after a drop", await received, digest(sent));
}

/** The kinds of visits. */
export const PASSING: Readonly<Record<string, Kind>> = {
  passConnection: { visit: passConnection, share: 6 },
  passPipe: {
    visit: passPipe,
    share: 2,
    lacks: !isWindows && "only Windows has named pipes",
  },
  passListener: { visit: passListener, share: 4 },
  passAndDrop: {
    visit: passAndDrop,
    share: 2,
    lacks: isWindows &&
      "a ticket of Windows needs the socket until it is taken",
  },
  listenHandle: { visit: listenHandle, share: 4 },
  adoptHandle: { visit: adoptHandle, share: 3 },
};
