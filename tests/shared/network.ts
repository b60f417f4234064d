// Copyright the iocp authors. MIT license.
/* Addresses of this machine that refuse, or never answer. */

import {
  CompletionPort,
  connect,
  type NetAddr,
  SocketError,
} from "../../mod.ts";
import { eventually } from "./deadline.ts";

/** Why this machine cannot test IPv6, or false. */
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

/** An address that refuses connections. It is not an ephemeral port: another
 * program, or the connecting socket itself, could be bound to one. */
export const closedAddress: NetAddr = {
  transport: "tcp",
  hostname: "127.0.0.1",
  port: 1,
};

/** Whether nothing listens on a port of this machine. */
export async function refuses(port: number): Promise<boolean> {
  try {
    using _ = await connect({ hostname: "127.0.0.1", port });
    return false;
  } catch {
    return true;
  }
}

/**
 * An address that does not answer a connect: its listener never accepts, and its
 * backlog is full. Windows, unlike Wine, refuses the connection after two
 * seconds.
 */
export async function unresponsiveAddress(
  port: CompletionPort,
): Promise<NetAddr> {
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
 * Calls `open`, which binds several addresses to the port number that the system
 * has chosen for the first of them, and retries it when another program has
 * bound one of the others.
 */
export function withSamePort<T>(open: () => T): T {
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
