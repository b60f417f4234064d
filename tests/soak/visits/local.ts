// Copyright the iocp authors. MIT license.
/* Visits over local sockets: named pipes of Windows; unix sockets of Linux, with a
 * file and with an abstract name. */

import process from "node:process";
import type { Conn, PathAddr } from "../../../mod.ts";
import { delay } from "../../shared/deadline.ts";
import { isWindows, newPath } from "../../shared/local.ts";
import { pickLocalOptions } from "../../shared/style.ts";
import { sendWhole } from "../../shared/transfer.ts";
import {
  type Context,
  fails,
  type Kind,
  requireOneOf,
  requireSame,
} from "../context.ts";
import type { Ends, Hub } from "../hub.ts";
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
  sendAndClose,
} from "./stream.ts";

const NO_HALF_CLOSE = isWindows && "a named pipe has no half-close";

/** Requires that the peer is this process. */
function requirePeer({ peer }: Conn<PathAddr>): void {
  requireSame("the process of the peer", peer.pid, process.pid);
  requireSame("the user of the peer", peer.uid, process.getuid?.());
  requireSame("the group of the peer", peer.gid, process.getgid?.());
}

/** Connects to one of the paths. */
export async function connectLocal(context: Context): Promise<Ends<PathAddr>> {
  const { localHubs, port, random } = context;
  const hub: Hub<PathAddr> = random.pick(localHubs);
  const { path } = hub.address;
  const ends = await hub.connect(port, pickLocalOptions(random));
  requireSame("the address", ends.client.remoteAddr.path, path);
  requirePeer(ends.client);
  requirePeer(ends.server);
  return ends;
}

function connected(
  use: (context: Context, ends: Ends<PathAddr>) => Promise<void>,
) {
  return async (context: Context) => use(context, await connectLocal(context));
}

const transfer = connected((context, ends) =>
  context.random.pick(
    isWindows ? [carry, exchangeExactly] : [carry, exchangeExactly, exchange],
  )(context, ends)
);

/* Only the server of a pipe can reset its peer; otherwise an end may be seen. */
const localReset = connected((context, ends) =>
  reset(context, ends, (sender) => isWindows && sender === "server")
);

const localDetach = connected((context, ends) =>
  moveDuring(
    context,
    ends,
    isWindows ? sendAndClose : sendWhole,
    (conn) => moveToOtherPort(context, conn, pickLocalOptions(context.random)),
  )
);

/* A connect is aborted. */
async function abort(context: Context): Promise<void> {
  const { localHubs, port, random, counters, unresponsivePath } = context;
  const controller = new AbortController();
  const { signal } = controller;
  const { path } = random.chance(0.5)
    ? random.pick(localHubs).address
    : unresponsivePath;
  const connecting = port.connect({ path, signal });
  const aborted = delay(random.integer(0, 3)).then(() => controller.abort());
  try {
    (await connecting).reset();
  } catch (error) {
    /* The listener may have closed meanwhile. */
    const codes = ["AbortError", "ECONNREFUSED", "ECONNRESET", "ENOENT"];
    requireOneOf("an abort", counters.failed(error), codes);
  }
  await aborted;
}

async function timeout(context: Context): Promise<void> {
  const { port, random, unresponsivePath } = context;
  const options = { ...unresponsivePath, timeout: random.integer(1, 20) };
  await fails(context, "a timeout", port.connect(options), ["ETIMEDOUT"]);
}

async function refuse(context: Context): Promise<void> {
  const { port } = context;
  const connecting = port.connect({ path: newPath() });
  await fails(context, "a refusal", connecting, ["ENOENT"]);
}

/* Replaces a listener. */
function reopen({ localHubs, random }: Context): Promise<void> {
  random.pick(localHubs).reopen({
    receive: pickLocalOptions(random).receive,
    acceptPool: random.integer(1, 64),
    backlog: random.integer(64, 600),
  });
  return Promise.resolve();
}

/** The kinds of visits. */
export const LOCAL: Readonly<Record<string, Kind>> = {
  localTransfer: { visit: transfer, share: 15 },
  localReset: { visit: localReset, share: 8 },
  localHalfClose: {
    visit: connected(halfClose),
    share: 4,
    lacks: NO_HALF_CLOSE,
  },
  localClosePending: { visit: connected(closePending), share: 8 },
  localLeaveLoop: { visit: connected(leaveLoop), share: 5 },
  localAbort: { visit: abort, share: 4 },
  localTimeout: { visit: timeout, share: 2 },
  localRefuse: { visit: refuse, share: 2 },
  localDetach: { visit: localDetach, share: 6 },
  localReopen: { visit: reopen, share: 0.3 },
};
