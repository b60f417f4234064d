// Copyright the iocp authors. MIT license.
/* Everything that can be open on a port, each in the midst of what it does. */

import {
  type CompletionPort,
  type Conn,
  type Listener,
  type NetAddr,
} from "../../mod.ts";
import { delay, eventually } from "./deadline.ts";
import { silentAddress } from "./network.ts";

/** A port in some states. */
export interface Stage {
  port: CompletionPort;
  /** What waits, to settle when the port closes. */
  pending: Promise<unknown>[];
  /** What holds the process alive. */
  held: { unref(): void }[];
}

/** More than the system takes at once. */
const FLOOD_BYTES = 32 * 1024 * 1024;

async function pairOn({ port, held }: Stage): Promise<[Conn, Conn]> {
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const ends = await Promise.all([
    port.connect(listener.addr),
    listener.accept(),
  ]);
  const { sockets } = port.stats();
  listener.close();
  held.push(...ends);
  /* Windows takes its time, and others count the sockets. */
  await eventually(
    "the listener is closed",
    () => port.stats().sockets < sockets,
  );
  return ends;
}

function listen({ port, held }: Stage): Listener {
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  held.push(listener);
  return listener;
}

/** Brings a port into a state; the names are what is open. */
export const STATES: Readonly<Record<string, (stage: Stage) => unknown>> = {
  listener: listen,
  accept(stage) {
    const listener = listen(stage);
    stage.pending.push(listener.accept());
    stage.pending.push(listener[Symbol.asyncIterator]().next());
  },
  async unacceptedConnections(stage) {
    const { addr } = listen(stage);
    stage.held.push(await stage.port.connect(addr));
    stage.held.push(await stage.port.connect(addr));
  },
  async connect({ port, pending }) {
    const silent: NetAddr = await silentAddress(port);
    pending.push(port.connect(silent));
    pending.push(port.connect({ ...silent, timeout: 600_000 }));
    const { signal } = new AbortController();
    pending.push(port.connect({ ...silent, signal }));
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
    stage.held.push(stage.port.addSocket(await client.detach()));
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

/* An attempt, a write that is under way and a close or detach that waits for one
 * hold the process whatever is unref'd. */
const HOLDING = ["connect", "write", "close", "detach", "duplex", "webStreams"];

/** The states in which nothing holds the process that cannot be unref'd. */
export const UNREF_STATES: string[] = Object.keys(STATES)
  .filter((name) => !HOLDING.includes(name));

/** Brings a port into these states, and gives the loop time to park. */
export async function enterStates(
  port: CompletionPort,
  names: readonly string[],
  isParked: boolean,
): Promise<Stage> {
  const stage: Stage = { port, pending: [], held: [] };
  for (const name of names) {
    await STATES[name]!(stage);
    /* How they fail is asked later. */
    for (const one of stage.pending) one.catch(() => {});
  }
  if (isParked) await delay(50);
  return stage;
}
