// Copyright the iocp authors. MIT license.
/* What the self-tests of transports have in common: their conditions, and a
 * connection over the loopback interface. */

import type { Addr, CompletionPort, Conn } from "../../mod.ts";
import { type Check, type Context, type Finding, skipped } from "./check.ts";
import { Checksum } from "./checksum.ts";
import { missingHosts } from "./permissions.ts";

/** A self-test on the loopback interface. */
export interface Loopback {
  readonly id: string;
  /** The hosts that need the permission "net". */
  readonly hosts: readonly string[];
  /** Throws when something is wrong. All sockets are on `port`. */
  run(port: CompletionPort, context: Context): Promise<Finding>;
}

/** Makes a check of a self-test. */
export function loopbackCheck({ id, hosts, run }: Loopback): Check {
  return {
    id,
    run(context, defer) {
      if (context.iocp === undefined) return skipped("no library is loaded");
      const missing = missingHosts(context.host, hosts);
      if (missing.length > 0) {
        const flag = `--allow-net=${missing.join(",")}`;
        return skipped("a permission is missing", `run again with ${flag}`);
      }
      const port = new context.iocp.CompletionPort();
      defer(() => port.close());
      return run(port, context);
    },
  };
}

/** A connection over the loopback interface, and its other end. Both may be
 * half-closed. */
export async function pair(
  port: CompletionPort,
  hostname: string,
): Promise<{ conn: Conn; peer: Conn }> {
  const listener = port.listen({ hostname, port: 0, allowHalfOpen: true });
  const accepting = listener.accept();
  accepting.catch(() => {});
  const conn = await port.connect({
    hostname,
    port: listener.addr.port,
    allowHalfOpen: true,
  });
  return { conn, peer: await accepting };
}

/** Reads a connection to its end. */
export async function readToEnd(conn: Conn<Addr>): Promise<Checksum> {
  const checksum = new Checksum();
  for await (const chunk of conn) checksum.add(chunk);
  return checksum;
}
