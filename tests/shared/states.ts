// Copyright the iocp authors. MIT license.
/* All that can be open on a port, each with operations in progress. */

import {
  type CompletionPort,
  type Conn,
  inboxAddress,
  type Listener,
  type NetAddr,
} from "../../mod.ts";
import { delay, eventually } from "./deadline.ts";
import { unresponsiveAddress } from "./network.ts";

/** A port in some of the states. */
export interface Stage {
  port: CompletionPort;
  /** Pending calls, which settle when the port closes. */
  pending: Promise<unknown>[];
  /** Sockets that keep the process alive until unref(). */
  sockets: { unref(): void }[];
}

/** More than the system's buffers hold. */
const FLOOD_BYTES = 32 * 1024 * 1024;

async function pairOn({ port, sockets }: Stage): Promise<[Conn, Conn]> {
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const ends = await Promise.all([
    port.connect(listener.addr),
    listener.accept(),
  ]);
  const { sockets: count } = port.stats();
  listener.close();
  sockets.push(...ends);
  /* Closing is asynchronous on Windows, and other states count sockets. */
  await eventually(
    "the listener is closed",
    () => port.stats().sockets < count,
  );
  return ends;
}

function listen({ port, sockets }: Stage): Listener {
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  sockets.push(listener);
  return listener;
}

/** Functions that bring a port into a state, by the name of the state. */
export const STATES: Readonly<Record<string, (stage: Stage) => unknown>> = {
  listener: listen,
  accept(stage) {
    const listener = listen(stage);
    stage.pending.push(listener.accept());
    stage.pending.push(listener[Symbol.asyncIterator]().next());
  },
  /* On Windows a thread of the system does a part of the work for this one. */
  async takenListener(stage) {
    using first = stage.port.listen({ hostname: "127.0.0.1", port: 0 });
    const ticket = first.pass(inboxAddress());
    const listener = stage.port.listen({ ticket });
    stage.sockets.push(listener);
    await first.stop();
    const address = listener.addr as NetAddr;
    stage.sockets.push(
      ...await Promise.all([stage.port.connect(address), listener.accept()]),
    );
    stage.pending.push(listener.accept());
  },
  async unacceptedConnections(stage) {
    const { addr } = listen(stage);
    stage.sockets.push(await stage.port.connect(addr));
    stage.sockets.push(await stage.port.connect(addr));
  },
  async connect({ port, pending }) {
    const address: NetAddr = await unresponsiveAddress(port);
    pending.push(port.connect(address));
    pending.push(port.connect({ ...address, timeout: 600_000 }));
    const { signal } = new AbortController();
    pending.push(port.connect({ ...address, signal }));
  },
  async read(stage) {
    const [client, server] = await pairOn(stage);
    stage.pending.push(client.read(new Uint8Array(100)));
    stage.pending.push(server[Symbol.asyncIterator]().next());
    stage.pending.push(server.read(new Uint8Array(1)));
  },
  async write(stage) {
    const [client] = await pairOn(stage);
    stage.pending.push(client.write(new Uint8Array(FLOOD_BYTES)));
    stage.pending.push(client.write(new Uint8Array(1)));
    stage.pending.push(client.closeWrite());
  },
  async unreadData(stage) {
    const [client, server] = await pairOn(stage);
    await client.write(new Uint8Array(1000));
    stage.pending.push(server.read(new Uint8Array(10)));
  },
  async close(stage) {
    const [client] = await pairOn(stage);
    stage.pending.push(client.write(new Uint8Array(FLOOD_BYTES)));
    stage.pending.push(client[Symbol.asyncDispose]());
  },
  async detach(stage) {
    const [client, server] = await pairOn(stage);
    stage.pending.push(client.write(new Uint8Array(FLOOD_BYTES)));
    stage.pending.push(client.detach());
    stage.pending.push(server.read(new Uint8Array(1)));
  },
  async addedSocket(stage) {
    const [client, server] = await pairOn(stage);
    stage.sockets.push(stage.port.addSocket(await client.detach()));
    await server.write(new Uint8Array(1000));
    const events = stage.port.events();
    await events.next();
    stage.pending.push(events.next());
  },
  async duplex(stage) {
    const [client, server] = await pairOn(stage);
    const duplex = client.duplex();
    const closed = new Promise((resolve) => duplex.on("close", resolve));
    stage.pending.push(closed);
    duplex.on("error", () => {});
    duplex.on("data", () => {});
    duplex.write(new Uint8Array(FLOOD_BYTES));
    stage.pending.push(server.write(new Uint8Array(1000)));
  },
  async webStreams(stage) {
    const [client, server] = await pairOn(stage);
    stage.pending.push(client.readable.pipeTo(client.writable));
    const writer = server.writable.getWriter();
    writer.closed.catch(() => {});
    stage.pending.push(writer.write(new Uint8Array(FLOOD_BYTES)));
  },
};

/* A pending connect or write, and a close or detach that waits for a write, keep
 * the process alive in spite of unref(). */
const KEEP_ALIVE = [
  "connect",
  "write",
  "close",
  "detach",
  "duplex",
  "webStreams",
];

/** The states in which unref() of all sockets lets the process exit. */
export const UNREF_STATES: string[] = Object.keys(STATES)
  .filter((name) => !KEEP_ALIVE.includes(name));

/** Brings a port into these states, and waits for the loop to park if
 * `isParked`. */
export async function enterStates(
  port: CompletionPort,
  names: readonly string[],
  isParked: boolean,
): Promise<Stage> {
  const stage: Stage = { port, pending: [], sockets: [] };
  for (const name of names) {
    await STATES[name]!(stage);
    /* The test checks how they fail later. */
    for (const one of stage.pending) one.catch(() => {});
  }
  if (isParked) await delay(50);
  return stage;
}
