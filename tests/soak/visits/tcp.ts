// Copyright the iocp authors. MIT license.
/* Visits over TCP. */

import {
  changeOptions,
  pickOptions,
  transferStream,
} from "../../shared/style.ts";
import { delay } from "../../shared/deadline.ts";
import {
  receiveByLoop,
  receiveByRead,
  sendWhole,
} from "../../shared/transfer.ts";
import {
  type Context,
  fails,
  type Kind,
  newSeed,
  requireOneOf,
  settles,
  TRANSFER_MAX,
} from "../context.ts";
import type { Ends } from "../hub.ts";
import type { NetAddr } from "../../../mod.ts";
import {
  carry,
  closePending,
  exchange,
  exchangeExactly,
  halfClose,
  leaveLoop,
  moveDuring,
  moveToOtherPort,
  reset,
} from "./stream.ts";
import { visitWorker } from "./worker.ts";

function connect({ hub, port, random }: Context): Promise<Ends<NetAddr>> {
  return hub.connect(port, pickOptions(random));
}

/* A visit that does this with a new connection. */
function connected(
  use: (context: Context, ends: Ends<NetAddr>) => Promise<void>,
) {
  return async (context: Context) => use(context, await connect(context));
}

const transfer = connected((context, ends) => {
  const { random } = context;
  if (random.chance(0.7)) return exchange(context, ends);
  return random.pick([carry, exchangeExactly])(context, ends);
});

/* Options change during a transfer. */
async function optionChanges(
  context: Context,
  { client, server }: Ends<NetAddr>,
): Promise<void> {
  const { random, counters } = context;
  const carried = transferStream(
    { conn: client, send: sendWhole },
    { conn: server, receive: receiveByRead(1, 700, 65_536) },
    random.size(TRANSFER_MAX),
    newSeed(context),
  );
  for (let i = 0; i < 3; i++) {
    changeOptions(random.pick([client, server]), random);
    await delay(random.integer(0, 2));
  }
  counters.bytes += await carried;
  for (const conn of [client, server]) conn.close();
}

/* A connect is aborted. */
async function abort(context: Context): Promise<void> {
  const { hub, port, random, counters, unresponsive } = context;
  const controller = new AbortController();
  const { signal } = controller;
  const address = random.chance(0.5) ? hub.address : unresponsive;
  const connecting = port.connect({ ...address, signal });
  const timer = setTimeout(() => controller.abort(), random.integer(0, 3));
  try {
    (await connecting).reset();
  } catch (error) {
    /* The listener may have closed meanwhile. */
    const codes = ["AbortError", "ECONNREFUSED", "ECONNRESET"];
    requireOneOf("an abort", counters.failed(error), codes);
  } finally {
    clearTimeout(timer);
  }
}

async function timeout(context: Context): Promise<void> {
  const { port, random, unresponsive } = context;
  const options = { ...unresponsive, timeout: random.integer(1, 20) };
  /* Windows, unlike Wine, refuses connections when the backlog is full. */
  const codes = ["ETIMEDOUT", "ECONNREFUSED"];
  await fails(context, "a timeout", port.connect(options), codes);
}

/* A close resets the connection if the peer reads nothing within closeTimeout. */
async function closeTimeout(context: Context): Promise<void> {
  const { hub, port, random } = context;
  const options = { ...pickOptions(random), closeTimeout: 20 };
  const { client, server } = await hub.connect(port, options);
  const written = client.write(new Uint8Array(32 * 1024 * 1024));
  client.close();
  await settles(context, "a write that the peer does not read", written);
  const received = receiveByLoop(server);
  await fails(context, "a read after the reset", received, ["ECONNRESET"]);
}

async function refuse(context: Context): Promise<void> {
  const { port, closed } = context;
  await fails(context, "a refusal", port.connect(closed), ["ECONNREFUSED"]);
}

/* A connection moves to another port during a transfer. */
const detach = connected((context, ends) =>
  moveDuring(
    context,
    ends,
    sendWhole,
    (conn) => moveToOtherPort(context, conn, pickOptions(context.random)),
  )
);

/* Replaces the listener. Visits that are connecting end with ListenerReplaced. */
function reopen({ hub, random }: Context): Promise<void> {
  hub.reopen({
    receive: pickOptions(random).receive,
    acceptPool: random.integer(1, 64),
    backlog: random.integer(64, 600),
    deferAccept: random.chance(0.3),
  });
  return Promise.resolve();
}

/** The kinds of visits. */
export const TCP: Readonly<Record<string, Kind>> = {
  transfer: { visit: transfer, share: 30 },
  optionChanges: { visit: connected(optionChanges), share: 8 },
  reset: {
    visit: connected((context, ends) => reset(context, ends, () => true)),
    share: 15,
  },
  halfClose: { visit: connected(halfClose), share: 8 },
  closePending: { visit: connected(closePending), share: 15 },
  leaveLoop: { visit: connected(leaveLoop), share: 10 },
  abort: { visit: abort, share: 8 },
  timeout: { visit: timeout, share: 3 },
  closeTimeout: { visit: closeTimeout, share: 0.5 },
  refuse: { visit: refuse, share: 2 },
  detach: { visit: detach, share: 8 },
  reopen: { visit: reopen, share: 0.3 },
  worker: { visit: visitWorker, share: 0.3 },
};
