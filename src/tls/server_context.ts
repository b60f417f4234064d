// Copyright the iocp authors. MIT license.

import {
  identitySettings,
  type TlsIdentity,
  type TlsServerSettings,
} from "../options/tls.ts";
import { runtime } from "../runtime/detect.ts";
import { type KeyPair, keyPair } from "./key_pair.ts";
import {
  type NodeError,
  nodeTls,
  type TlsServer,
  type TlsSocket,
} from "./node_tls.ts";
import type { Transport } from "./transport.ts";

/** A handshake that a server makes. */
export interface ServerSide {
  connected(socket: TlsSocket): void;
  failWith(error: NodeError): void;
}

/* A server of node:tls, which does not listen. It has one certificate, and the keys of
 * the sessions that its clients may resume. */
class Server {
  readonly #server: TlsServer;
  readonly #pending = new Map<Transport, ServerSide>();

  constructor(settings: TlsServerSettings, pair: KeyPair) {
    this.#server = nodeTls().createServer({
      ...pair,
      ca: settings.ca,
      ALPNProtocols: settings.alpnProtocols,
      minVersion: settings.minVersion,
      maxVersion: settings.maxVersion,
      requestCert: settings.requestCert,
      /* The handshake checks the certificate itself, and says what is wrong. */
      rejectUnauthorized: false,
      allowHalfOpen: true,
      /* None: the handshake has the limit itself, and an error for it. In Deno the
       * timer of this one would keep a TLSSocket that has failed until then. */
      handshakeTimeout: -1,
    });
    this.#server.on("secureConnection", (socket: TlsSocket) => {
      const transport = runtime.transportOf(socket) as Transport;
      this.#remove(transport)?.connected(socket);
    });
    this.#server.on("tlsClientError", (error: NodeError, socket: TlsSocket) => {
      this.#remove(this.#failed(socket))?.failWith(error);
    });
  }

  start(transport: Transport, side: ServerSide): void {
    this.#pending.set(transport, side);
    this.#server.emit("connection", transport);
  }

  /** The handshake has ended in another way. */
  forget(transport: Transport): void {
    this.#pending.delete(transport);
  }

  /* Deno's TLSSocket does not have its stream any more when it has failed, but has
   * destroyed it. */
  #failed(socket: TlsSocket): Transport | undefined {
    const transport = runtime.transportOf(socket) as Transport | undefined;
    return transport ??
      [...this.#pending.keys()].find(({ destroyed }) => destroyed);
  }

  #remove(transport: Transport | undefined): ServerSide | undefined {
    if (transport === undefined) return undefined;
    const side = this.#pending.get(transport);
    this.#pending.delete(transport);
    return side;
  }
}

/** The certificates of one listener. */
export class ServerContext {
  readonly settings: TlsServerSettings;
  readonly #default: Server;
  /** Those that `sni` has returned. */
  readonly #others = new WeakMap<TlsIdentity, Server>();

  constructor(settings: TlsServerSettings) {
    this.settings = settings;
    this.#default = new Server(settings, keyPair("tls", settings.identity));
  }

  /** The server with the certificate for the name. */
  async find(name: string | undefined): Promise<Server> {
    const { sni } = this.settings;
    if (name === undefined || sni === undefined) return this.#default;
    const identity = await sni(name);
    if (identity === undefined) return this.#default;
    const known = this.#others.get(identity);
    if (known !== undefined) return known;
    const what = `the identity for ${name}`;
    const checked = identitySettings(what, identity);
    const server = new Server(this.settings, keyPair(what, checked));
    this.#others.set(identity, server);
    return server;
  }

  get default(): Server {
    return this.#default;
  }
}

export type { Server };
