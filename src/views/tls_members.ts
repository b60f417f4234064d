// Copyright the iocp authors. MIT license.
/* Members of a TLSSocket that are about the connection below it: the addresses,
 * ref(), unref(), setNoDelay() and setKeepAlive(), and its end.
 *
 * A TLSSocket gets them from its handle. Above a stream it has a handle that
 * implements none of them, and the runtimes make that handle themselves. So these
 * members of TLSSocket.prototype are wrapped, when the first duplex is made: above
 * a connection of this module they use the connection. Any other TLSSocket behaves
 * as before. */

import { nodeModule } from "../runtime/globals.ts";
import { runtime } from "../runtime/detect.ts";
import type { SocketMembers } from "./socket_duplex.ts";

type Address = ReturnType<SocketMembers["address"]>;
// deno-lint-ignore no-explicit-any
type Method = (this: any, ...values: any[]) => any;

const CALLS = ["ref", "unref", "setNoDelay", "setKeepAlive"] as const;

/* What recognizes the streams of this module. */
const recognizers = new Set<(stream: unknown) => boolean>();

/** Wraps the members, once. `isDuplex` recognizes streams of this module. */
export function extendTlsSocket(isDuplex: (stream: unknown) => boolean): void {
  if (recognizers.has(isDuplex)) return;
  recognizers.add(isDuplex);
  if (recognizers.size === 1) wrapMembers();
}

function isOurs(stream: unknown): boolean {
  for (const isDuplex of recognizers) if (isDuplex(stream)) return true;
  return false;
}

function wrapMembers(): void {
  const { TLSSocket } = nodeModule<{
    TLSSocket: { prototype: Record<PropertyKey, Method> };
  }>("node:tls");
  const members = TLSSocket.prototype;

  function below(socket: object): SocketMembers | undefined {
    const stream = runtime.transportOf(socket);
    return isOurs(stream) ? stream as SocketMembers : undefined;
  }

  function replace(
    name: PropertyKey,
    make: (original: Method) => Method,
  ): void {
    const original = members[name];
    if (original === undefined) return;
    Object.defineProperty(members, name, {
      value: make(original),
      configurable: true,
      writable: true,
    });
  }

  /* The address of one end. The runtimes store it in `member`, where it is also
   * available after the close. */
  function replaceAddress(
    method: string,
    member: string,
    addressOf: (duplex: SocketMembers) => Address,
  ): void {
    replace(method, (original) =>
      function (): unknown {
        const duplex = below(this);
        if (duplex === undefined) return original.call(this);
        return this[member] = addressOf(duplex);
      });
  }

  replaceAddress("_getsockname", "_sockname", (duplex) => duplex.address());
  replaceAddress("_getpeername", "_peername", (duplex) => ({
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
  const { tlsStart, tlsUpgrade } = runtime;
  if (tlsStart !== undefined) {
    replace(tlsStart, (original) =>
      function (...values: unknown[]): void {
        original.apply(this, values);
        /* The stream does not end by itself when the peer has ended, but when the
         * TLSSocket does, which has its own allowHalfOpen. */
        const duplex = below(this) as { allowHalfOpen?: boolean } | undefined;
        if (duplex !== undefined) duplex.allowHalfOpen = true;
      });
  }
  if (tlsUpgrade === undefined) return;
  replace(
    tlsUpgrade,
    (original) =>
      function (stream: object, ...values: unknown[]): unknown {
        const upgrade = () => original.call(this, stream, ...values);
        return isOurs(stream) ? withoutHandle(stream, upgrade) : upgrade();
      },
  );
}

/* Runs `body` while the stream has no `_handle`, which is none of the runtime's. */
function withoutHandle<T>(stream: { _handle?: unknown }, body: () => T): T {
  const { _handle } = stream;
  if (_handle === undefined) return body();
  stream._handle = null;
  try {
    return body();
  } finally {
    stream._handle = _handle;
  }
}
