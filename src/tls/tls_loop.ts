// Copyright the iocp authors. MIT license.

import type { Allowance } from "../socket/allowance.ts";
import type { Deadlines } from "../loop/deadlines.ts";
import type { Endpoint } from "../loop/endpoint.ts";
import type { FileParts } from "../socket/file_parts.ts";
import { ReadFile } from "./read_file.ts";
import type { Slab } from "../loop/slab.ts";
import { Socket } from "../socket/socket.ts";
import type { SocketLoop } from "../loop/socket_loop.ts";
import type { SocketPort } from "../loop/socket_loop.ts";
import type { TlsInfo } from "../options/tls.ts";
import type { TlsSocket } from "./node_tls.ts";
import { TlsPort } from "./tls_port.ts";
import type { Transport } from "./transport.ts";

/** The loop of one connection with TLS: that of the connection below, with another
 * port. */
class TlsLoop implements SocketLoop {
  readonly port: SocketPort;
  readonly tls: TlsInfo;
  readonly #below: SocketLoop;

  constructor(port: SocketPort, tls: TlsInfo, below: SocketLoop) {
    this.port = port;
    this.tls = tls;
    this.#below = below;
  }

  get allowance(): Allowance {
    return this.#below.allowance;
  }

  get deadlines(): Deadlines {
    return this.#below.deadlines;
  }

  get slab(): Slab {
    return this.#below.slab;
  }

  add(_endpoint: Endpoint): void {
    /* The port has the only one. */
  }

  openFile(path: string): FileParts {
    return new ReadFile(this.port, path, () => this.#below.openFile(path));
  }

  ref(): void {
    this.#below.ref();
  }

  unref(): void {
    this.#below.unref();
  }
}

/** Makes the connection over a TLSSocket whose handshake is done. */
export function secureSocket(
  raw: Socket,
  tls: TlsSocket,
  transport: Transport,
  info: TlsInfo,
): Socket {
  const port = new TlsPort(raw, tls, transport, raw.loop.slab);
  const loop = new TlsLoop(port, info, raw.loop);
  const socket = new Socket(loop, raw.id, raw.settings, "secured");
  port.attach(socket);
  return socket;
}
