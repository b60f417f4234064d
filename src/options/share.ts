// Copyright the iocp authors. MIT license.
/* The options of listen() with a part of the connections of another listener. */

import { type HandleListenOptions, OF_THE_MAKER } from "./handle.ts";
import {
  refuseOthers,
  requireInteger,
  requireOptions,
  wrongType,
} from "./validate.ts";

/** What {@linkcode Listener.share} returns: a plain object, which `postMessage()`
 * can send to a Worker. It is good in the process that has made it. */
export interface ListenerShare {
  /** The number of the share in the process. */
  readonly id: number;
  /** The process. */
  readonly pid: number;
}

const ID_MAX = 2 ** 31 - 1;
const PID_MAX = 2 ** 32 - 1;
/* The listener has decided these. */
const OF_THE_LISTENER = [
  "fd",
  "handle",
  "ticket",
  ...OF_THE_MAKER,
  "backlog",
  "tcpBacklog",
];

/** Whether the options are those of a part. */
export function isForShare(options: object): options is HandleListenOptions {
  requireOptions(options);
  return (options as HandleListenOptions).share !== undefined;
}

/** Checks the share that a user passed to listen(). */
export function requireShare(options: HandleListenOptions): ListenerShare {
  const { share } = options;
  if (typeof share !== "object" || share === null) {
    wrongType("share", "the result of listener.share()", share);
  }
  const id = requireInteger("share.id", share.id, 0, ID_MAX);
  const pid = requireInteger("share.pid", share.pid, 0, PID_MAX);
  refuseOthers({ ...options }, "share", OF_THE_LISTENER);
  return { id, pid };
}
