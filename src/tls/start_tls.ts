// Copyright the iocp authors. MIT license.

import { SocketError } from "../errors.ts";
import { operationLimits } from "../options/operation.ts";
import {
  HANDSHAKE_TIMEOUT,
  type StartTlsOptions,
  type TlsOptions,
  type TlsServerOptions,
  tlsServerSettings,
} from "../options/tls.ts";
import { requireOptions } from "../options/validate.ts";
import type { Signal } from "../runtime/web_types.ts";
import { now } from "../runtime/globals.ts";
import type { Securing, SecuringOwner } from "../socket/securing.ts";
import type { Socket } from "../socket/socket.ts";
import { clientContext, secureClient } from "./client_handshake.ts";
import { Handshakes } from "./handshakes.ts";
import { ServerContext } from "./server_context.ts";
import { secureServer } from "./server_handshake.ts";

/* The name of a server for which none is given, as in node:tls. */
const LOCALHOST = "localhost";

/** What makes TLS over the connections of a listener. Its certificates are read
 * now. */
export function tlsListening(
  options: TlsServerOptions,
): (owner: SecuringOwner) => Securing {
  const context = new ServerContext(tlsServerSettings(options));
  return (owner) => new Handshakes(context, owner);
}

/** What makes TLS over a connection of connect(), if it is to have it. The time that
 * it may take begins now. */
export function tlsConnecting(
  options: true | TlsOptions | undefined,
  hostname: string,
  limits: {
    readonly signal: Signal | undefined;
    readonly timeout: number | undefined;
  },
): (socket: Socket) => Promise<Socket> {
  if (options === undefined) return (socket) => Promise.resolve(socket);
  const context = clientContext(options);
  const { signal, timeout } = limits;
  const end = timeout === undefined ? undefined : now() + timeout;
  return async (socket) => {
    const left = end === undefined ? HANDSHAKE_TIMEOUT : end - now();
    const rest = { signal, timeout: Math.max(0, left) };
    return await secureClient(socket, context, hostname, rest);
  };
}

/* The connections below TLS. A second handshake would read bytes of the first. */
const below = new WeakSet<Socket>();

/* Called when the arguments are right, before anything is sent. */
function beginBelow(socket: Socket): void {
  if (below.has(socket)) {
    throw new SocketError("EBUSY", {
      syscall: "read",
      action: "start TLS",
      detail: "startTls() was called before; use its result",
    });
  }
  below.add(socket);
}

/** Makes TLS over a connection, once. */
export async function startTls(
  socket: Socket,
  options: StartTlsOptions,
): Promise<Socket> {
  requireOptions(options);
  const { timeout, signal } = options;
  const limits = operationLimits({ timeout, signal });
  if (!options.isServer) {
    const context = clientContext(options);
    beginBelow(socket);
    return await secureClient(socket, context, LOCALHOST, {
      ...limits,
      timeout: timeout ?? HANDSHAKE_TIMEOUT,
    });
  }
  const settings = tlsServerSettings(options);
  const context = new ServerContext(settings);
  beginBelow(socket);
  return await secureServer(socket, context, {
    ...limits,
    timeout: timeout ?? settings.handshakeTimeout,
  });
}
