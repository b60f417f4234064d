// Copyright the iocp authors. MIT license.

import type { Conn } from "../../mod.ts";
import { socketOf } from "../../src/conn.ts";

/** Does `work`, and returns the lengths of the sends that the library is called for
 * meanwhile, by all connections of the loop that `conn` is on. */
export async function sendsOf(
  conn: Conn,
  work: () => Promise<unknown>,
): Promise<number[]> {
  const { port } = socketOf(conn)!.loop;
  const { send } = port;
  const lengths: number[] = [];
  port.send = (...args) => {
    lengths.push(args[3]);
    return send.apply(port, args);
  };
  try {
    await work();
  } finally {
    port.send = send;
  }
  return lengths;
}
