// Copyright the iocp authors. MIT license.
/* What a TLSSocket knows of the connection below it: its addresses, and the calls
 * that are for the connection.
 *
 * It asks its handle for them, and where the connection is a stream, the handle
 * knows nothing. It cannot be given more, since the runtimes make it themselves.
 * So these members of the class look below the socket first. They do that for
 * connections of this module alone: any other TLSSocket answers as before. */

import { nodeModule } from "../runtime/globals.ts";
import { runtime } from "../runtime/detect.ts";
import type { SocketMembers } from "./socket_duplex.ts";

interface Address {
  address: string;
  family: string;
  port: number;
}
// deno-lint-ignore no-explicit-any
type Method = (this: any, ...values: any[]) => any;

const CALLS = ["ref", "unref", "setNoDelay", "setKeepAlive"] as const;

/** Extends the class, once. `isOurs` says whether a stream is one of this
 * module. */
export function extendTlsSocket(isOurs: (stream: unknown) => boolean): void {
  const { TLSSocket } = nodeModule<{
    TLSSocket: { prototype: Record<string, Method> };
  }>("node:tls");
  const members = TLSSocket.prototype;

  function below(socket: object): SocketMembers | undefined {
    const stream = runtime.transportOf(socket);
    return isOurs(stream) ? stream as SocketMembers : undefined;
  }

  function replace(name: string, make: (original: Method) => Method): void {
    const original = members[name];
    if (original === undefined) return;
    Object.defineProperty(members, name, {
      value: make(original),
      configurable: true,
      writable: true,
    });
  }

  /* The name of an end, which the runtime keeps in a member when it has got it,
   * so that it stays known after the close. */
  function name(
    method: string,
    member: string,
    tell: (
      duplex: SocketMembers,
    ) => Address,
  ): void {
    replace(method, (original) =>
      function (): unknown {
        const duplex = below(this);
        if (duplex === undefined) return original.call(this);
        return this[member] = tell(duplex);
      });
  }

  name("_getsockname", "_sockname", (duplex) => duplex.address());
  name("_getpeername", "_peername", (duplex) => ({
    address: duplex.remoteAddress,
    family: duplex.remoteFamily,
    port: duplex.remotePort,
  }));
  for (const call of CALLS) {
    replace(call, (original) =>
      function (...values: unknown[]): unknown {
        (below(this)?.[call] as Method | undefined)?.(...values);
        return original.apply(this, values);
      });
  }
}
