// Copyright the iocp authors. MIT license.

import { joined } from "../socket/gather.ts";
import type { Limits } from "../options/operation.ts";
import type { Socket } from "../socket/socket.ts";
import { ChunkReader } from "../views/chunk_reader.ts";
import { helloName } from "./client_hello.ts";
import { ConnectionInfo } from "./connection_info.ts";
import { Handshake } from "./handshake.ts";
import type { NodeError, TlsSocket } from "./node_tls.ts";
import type { Server, ServerContext, ServerSide } from "./server_context.ts";
import {
  certificateFailure,
  ENDED_EARLY,
  type TlsFailure,
} from "./tls_failure.ts";
import { secureSocket } from "./tls_loop.ts";
import { makeTransport, type Transport } from "./transport.ts";

/** The handshake of the side that accepts. */
export class ServerHandshake extends Handshake implements ServerSide {
  readonly #context: ServerContext;
  #server: Server | undefined;

  constructor(raw: Socket, context: ServerContext, limits: Limits) {
    super(raw, limits);
    this.#context = context;
  }

  protected start(): void {
    const context = this.#context;
    if (context.settings.sni === undefined) this.#begin(context.default, []);
    else this.#choose().catch((error) => this.failWith(error as NodeError));
  }

  /* Reads the first message of the client, which has the name. */
  async #choose(): Promise<void> {
    const reader = new ChunkReader(this.raw);
    const parts: Uint8Array[] = [];
    for (;;) {
      const { value, done } = await reader.next();
      if (this.isOver) return;
      if (done) {
        this.fail(ENDED_EARLY);
        return;
      }
      parts.push(value);
      const found = helloName(joined(parts));
      if (found === "more") continue;
      const server = await this.#context.find(found.name);
      if (!this.isOver) this.#begin(server, parts);
      return;
    }
  }

  #begin(server: Server, parts: Uint8Array[]): void {
    const transport = makeTransport(this.raw, parts);
    this.#server = server;
    this.watch(transport);
    server.start(transport, this);
  }

  connected(socket: TlsSocket): void {
    if (this.isOver) return;
    const { requestCert, rejectUnauthorized } = this.#context.settings;
    const failure = requestCert ? this.#failureOf(socket) : undefined;
    /* The connection with TLS has its own listener. */
    socket.on("error", () => {});
    if (failure !== undefined && rejectUnauthorized) {
      this.fail(failure);
      socket.destroy();
      return;
    }
    const info = new ConnectionInfo(socket, {
      serverName: socket.servername || undefined,
      authorizationError: failure?.code,
      isAuthorized: requestCert && failure === undefined,
    });
    const transport = this.transport as Transport;
    this.secured(secureSocket(this.raw, socket, transport, info));
  }

  #failureOf(socket: TlsSocket): TlsFailure | undefined {
    if (socket.authorized) return undefined;
    const certificate = socket.getPeerCertificate();
    return certificateFailure(socket.authorizationError, certificate);
  }

  protected override fail(failure: TlsFailure): void {
    this.#forget();
    super.fail(failure);
  }

  override withdraw(): void {
    this.#forget();
    super.withdraw();
  }

  #forget(): void {
    if (this.transport !== undefined) this.#server?.forget(this.transport);
  }
}

/**
 * Makes TLS over a connection, as the side that accepts.
 *
 * @throws {SocketError} as a rejection, with the code and what was wrong.
 */
export async function secureServer(
  raw: Socket,
  context: ServerContext,
  limits: Limits,
): Promise<Socket> {
  const socket = await new ServerHandshake(raw, context, limits).secure();
  socket.open();
  raw.setRef(false);
  return socket;
}
