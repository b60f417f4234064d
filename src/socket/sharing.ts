// Copyright the iocp authors. MIT license.
/* Listeners whose connections are handed out to other threads, and the parts that
 * these take. */

import { encodeAddress, LOOPBACK } from "../native/address.ts";
import { RESET } from "../native/completion.ts";
import { NotSupported, SocketError } from "../errors.ts";
import { settingsOfListener } from "./adopted_listener.ts";
import type { Group } from "../loop/group.ts";
import type { Loop } from "../loop/loop.ts";
import {
  type HandleListenOptions,
  handleListenSettings,
} from "../options/handle.ts";
import type {
  AdoptedListenSettings,
  ListenSettings,
} from "../options/listen.ts";
import {
  ENOTSUP,
  notSupported,
  systemNumbers,
} from "../options/native_options.ts";
import { type ListenerShare, requireShare } from "../options/share.ts";
import { nodeModule } from "../runtime/globals.ts";

const SHARE = { syscall: "accept", action: "share a listener" };

function ownPid(): number {
  return nodeModule<{ pid: number }>("node:process").pid;
}

/* Options that say which connections a listener takes, and when. The library hands
 * connections out before this side sees them. */
const OF_THE_PARTS = [
  "deferAccept",
  "firstByteTimeout",
  "maxConnections",
  "acceptRate",
  "blockList",
  "tls",
] as const;

/** Throws for an option that a listener which is shared cannot have. */
export function requireShareable(settings: object): void {
  const given: Readonly<Record<string, unknown>> = { ...settings };
  const key = OF_THE_PARTS.find((key) => Boolean(given[key]));
  if (key === undefined) return;
  throw new NotSupported(
    `Cannot share a listener that has ${key}: it is an option of each listen({ share })`,
  );
}

/** Hands out the connections of listening sockets. */
export function shareSockets(
  loop: Loop,
  sockets: readonly number[],
): ListenerShare {
  let id = -1;
  for (const socket of sockets) {
    id = loop.sharing.share(socket, id);
    if (id >= 0) continue;
    const error = loop.port.error(id, SHARE);
    if (error.code !== "ENOTSUP") throw error;
    throw new NotSupported(
      "Cannot share a named pipe: its connections cannot leave the thread that accepts them",
      { cause: error },
    );
  }
  return Object.freeze({ id, pid: ownPid() });
}

/* A part has no socket of the system that would refuse an option which the system
 * lacks, so another one does, and not each connection. */
function requireOptions(loop: Loop, settings: ListenSettings): void {
  const numbers = systemNumbers(settings.conn);
  if (numbers.length === 0 || settings.conn.transport !== undefined) return;
  const id = loop.port.listen(encodeAddress(LOOPBACK[0]!, 0), 1, 0);
  if (id < 0) throw loop.port.error(id, { syscall: "listen" });
  try {
    for (const [key, native, value] of numbers) {
      if (loop.port.setOption(id, native, value) === ENOTSUP) {
        throw notSupported(key);
      }
    }
  } finally {
    loop.port.close(id, RESET, 0);
  }
}

/** Takes a part of a share. */
export function takePart(
  group: Group,
  options: HandleListenOptions,
): AdoptedListenSettings {
  const share = requireShare(options);
  /* Those of TCP, which most are; a wrong option throws before anything else. */
  const tcp = handleListenSettings(options, "tcp");
  group.requireOpen("listen");
  const { loop } = group;
  const id = share.pid === ownPid() ? loop.sharing.takePart(share.id) : -1;
  if (id < 0) {
    throw new SocketError("ENOENT", {
      ...SHARE,
      action: "take part in a listener",
      detail: "it is closed, or one of another process",
    });
  }
  try {
    const settings = settingsOfListener(loop, id, options, tcp);
    const part = { ...settings, id, isPart: true };
    requireOptions(loop, part);
    return part;
  } catch (error) {
    loop.port.close(id, RESET, 0);
    throw error;
  }
}
