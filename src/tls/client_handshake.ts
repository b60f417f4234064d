// Copyright the iocp authors. MIT license.

import { asciiHostname, formatIp, parseIp } from "../native/address.ts";
import type { Limits } from "../options/operation.ts";
import {
  type TlsOptions,
  type TlsSettings,
  tlsSettings,
} from "../options/tls.ts";
import type { Socket } from "../socket/socket.ts";
import { ConnectionInfo } from "./connection_info.ts";
import { Handshake } from "./handshake.ts";
import { type KeyPair, keyPair } from "./key_pair.ts";
import { type NodeError, nodeTls, type TlsSocket } from "./node_tls.ts";
import {
  certificateFailure,
  nameFailure,
  type TlsFailure,
} from "./tls_failure.ts";
import { secureSocket } from "./tls_loop.ts";
import { makeTransport } from "./transport.ts";
import { runtime } from "../runtime/detect.ts";

/** The name of a server, as its certificate has it. */
interface ServerName {
  readonly name: string;
  readonly isIp: boolean;
}

function serverName(hostname: string): ServerName {
  const ip = parseIp(hostname.replace(/%[^\]]*/, ""));
  return ip === undefined
    ? { name: asciiHostname(hostname).replace(/\.$/, ""), isIp: false }
    : { name: formatIp(ip), isIp: true };
}

/** What a client needs for its handshakes. */
export interface ClientContext {
  readonly settings: TlsSettings;
  /** What is shown to a server that requests a certificate. */
  readonly pair: KeyPair | undefined;
}

/** Reads the certificate of the options, if there is one. */
export function clientContext(options: true | TlsOptions): ClientContext {
  const settings = tlsSettings(options);
  const { identity } = settings;
  return { settings, pair: identity && keyPair("tls", identity) };
}

/** The handshake of the side that connects. */
class ClientHandshake extends Handshake {
  readonly #context: ClientContext;
  readonly #server: ServerName;
  #session: Uint8Array<ArrayBuffer> | undefined;
  #info: ConnectionInfo | undefined;

  constructor(
    raw: Socket,
    context: ClientContext,
    hostname: string,
    limits: Limits,
  ) {
    super(raw, limits);
    this.#context = context;
    this.#server = serverName(context.settings.serverName ?? hostname);
  }

  protected start(): void {
    const { settings, pair } = this.#context;
    const { name, isIp } = this.#server;
    const transport = makeTransport(this.raw);
    this.watch(transport);
    const socket = nodeTls().connect({
      socket: transport,
      host: name,
      /* An IP address is not a name (RFC 6066, 3). */
      servername: isIp ? "" : name,
      ca: settings.ca,
      ...pair,
      ALPNProtocols: settings.alpnProtocols,
      minVersion: settings.minVersion,
      maxVersion: settings.maxVersion,
      session: settings.session,
      allowHalfOpen: true,
      /* The certificate is checked in #secured(), which can say what is wrong with it:
       * a TLSSocket that has rejected it does not show it any more. */
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    socket.on("error", (error: NodeError) => this.failWith(error));
    socket.on("session", (session: Uint8Array) => this.#gotSession(session));
    socket.on("secureConnect", () => this.#secured(socket));
  }

  #gotSession(session: Uint8Array): void {
    const { resumesTls } = runtime;
    if (!resumesTls) return;
    this.#session = new Uint8Array(session);
    if (this.#info !== undefined) this.#info.session = this.#session;
  }

  #secured(socket: TlsSocket): void {
    if (this.isOver) return;
    const failure = this.#failureOf(socket);
    if (failure !== undefined && this.#context.settings.rejectUnauthorized) {
      this.fail(failure);
      socket.destroy();
      return;
    }
    const { name, isIp } = this.#server;
    const info = this.#info = new ConnectionInfo(socket, {
      serverName: isIp ? undefined : name,
      authorizationError: failure?.code,
      isAuthorized: failure === undefined,
    });
    info.session = this.#session;
    this.secured(secureSocket(this.raw, socket, this.transport!, info));
  }

  /* The name is checked here, also for a session that is resumed. */
  #failureOf(socket: TlsSocket): TlsFailure | undefined {
    const certificate = socket.getPeerCertificate();
    if (!socket.authorized) {
      return certificateFailure(socket.authorizationError, certificate);
    }
    return nameFailure(this.#server.name, certificate ?? {});
  }
}

/**
 * Makes TLS over a connection, as the side that connects. `hostname` is the server's
 * name if the settings have none.
 *
 * @throws {SocketError} as a rejection, with the code and what was wrong.
 */
export async function secureClient(
  raw: Socket,
  context: ClientContext,
  hostname: string,
  limits: Limits,
): Promise<Socket> {
  const handshake = new ClientHandshake(raw, context, hostname, limits);
  const socket = await handshake.secure();
  socket.open();
  /* From now on the connection with TLS holds the process. */
  raw.setRef(false);
  return socket;
}
