// Copyright the iocp authors. MIT license.
/* Addresses of this machine that behave in special ways. */

import { CompletionPort, type NetAddr, SocketError } from "../../mod.ts";
import { eventually } from "./deadline.ts";

/** Why IPv6 cannot be tested here, or false. */
export const noIpv6: string | false = probeIpv6();

function probeIpv6(): string | false {
  using port = new CompletionPort();
  try {
    port.listen({ hostname: "::1", port: 0 });
    return false;
  } catch (error) {
    if (error instanceof SocketError) return error.message;
    throw error;
  }
}

/** An address where nobody listens. One of those that the system gives out
 * could be taken meanwhile, or even be given to the connection itself. */
export const closedAddress: NetAddr = {
  transport: "tcp",
  hostname: "127.0.0.1",
  port: 1,
};

/**
 * An address that does not answer: its listener never accepts, and its backlog
 * is full. A real Windows refuses then, but takes two seconds over it.
 */
export async function silentAddress(port: CompletionPort): Promise<NetAddr> {
  const { addr } = port.listen({ hostname: "127.0.0.1", port: 0, backlog: 1 });
  await port.connect(addr);
  const { sockets } = port.stats();
  for (let i = 0; i < 8; i++) port.connect(addr).catch(() => {});
  await eventually(
    "its backlog is full",
    () => port.stats().sockets === sockets + 8,
  );
  return addr;
}

/**
 * Opens what needs one port number at several addresses, the number being the
 * system's choice for the first of them. Another program may have it at one of
 * the others, and then `open` is called again.
 */
export function atOneNumber<T>(open: () => T): T {
  for (let left = 20;; left--) {
    try {
      return open();
    } catch (error) {
      const isInUse = error instanceof SocketError &&
        error.code === "EADDRINUSE";
      if (!isInUse || left === 0) throw error;
    }
  }
}
