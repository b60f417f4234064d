// Copyright the iocp authors. MIT license.
/* The sockets of this folder on a thread. */

import { Group } from "../loop/group.ts";

let group: Group | undefined;

/** The group that all sockets of this folder are in. The native library is loaded
 * when it is first used. */
export function netGroup(): Group {
  if (group === undefined || group.isClosed) group = new Group();
  return group;
}
