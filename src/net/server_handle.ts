// Copyright the iocp authors. MIT license.

import { Acceptor } from "../socket/acceptor.ts";
import { adoptListener } from "../socket/adopted_listener.ts";
import { isAbstract, parsePath } from "../native/path.ts";
import { isWindows } from "../runtime/detect.ts";
import type { ListenRequest } from "./listen_request.ts";
import { listenSettings } from "../options/listen.ts";
import { netError } from "./net_error.ts";
import { netGroup } from "./net_group.ts";
import { type NodeAddress, nodeAddress } from "../views/node_address.ts";
import { nextTick, nodeModule } from "../runtime/globals.ts";
import { pathListenSettings } from "../options/path.ts";
import type { ListenSettings } from "../options/listen.ts";
import { runtime } from "../runtime/detect.ts";
import { SocketHandle } from "./socket_handle.ts";
import { SocketError } from "../errors.ts";
import type { Socket } from "../socket/socket.ts";

/* What every connection starts with. Its stream ends the other direction. */
const CONN = { noDelay: runtime.netNoDelay, allowHalfOpen: true } as const;
const BACKLOG_MAX = 65_535;
/* The machine has no IPv6. */
const NO_IPV6 = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL", "ENOTSUP"]);

/** The listening socket of a server. */
export class ServerHandle {
  readonly #acceptor: Acceptor;
  /** Called with each connection; the error is 0. */
  onconnection: (error: number, handle: SocketHandle) => void;
  /** As listen() got it. */
  readonly #path: string | undefined;

  private constructor(
    acceptor: Acceptor,
    path: string | undefined,
    onconnection: ServerHandle["onconnection"],
  ) {
    this.#acceptor = acceptor;
    this.#path = path;
    this.onconnection = onconnection;
    acceptor.accept(this.#accepted);
  }

  /**
   * Listens. Connections are passed on from a later tick on.
   *
   * @throws {Error} as a `net.Server` reports it.
   */
  static open(
    request: ListenRequest,
    onconnection: ServerHandle["onconnection"],
  ): ServerHandle {
    return new ServerHandle(acceptorOf(request), request.path, onconnection);
  }

  /** The address that the server has. */
  get address(): NodeAddress | string {
    const { address } = this.#acceptor;
    return address.transport === "tcp"
      ? nodeAddress(address) as NodeAddress
      : this.#path ?? address.path;
  }

  close(): void {
    this.#acceptor.close();
  }

  ref(): void {
    this.#acceptor.setRef(true);
  }

  unref(): void {
    this.#acceptor.setRef(false);
  }

  /* The connections of one turn come one after the other, each in a tick of its own:
   * an error that a listener throws does not keep the others back. */
  #accepted = (connection: Socket | undefined): void => {
    if (connection === undefined) return;
    nextTick(() => {
      if (this.#acceptor.isClosed) {
        connection.reset();
        return;
      }
      this.#acceptor.accept(this.#accepted);
      this.onconnection(0, new SocketHandle(connection));
    });
  };
}

function acceptorOf(request: ListenRequest): Acceptor {
  const { path, port } = request;
  /* Without a host, it is every address of the machine. */
  const { address = "::" } = request;
  try {
    return new Acceptor(netGroup(), settingsOf(request, address));
  } catch (error) {
    const isFallback = request.address === undefined && path === undefined &&
      request.fd === undefined && error instanceof SocketError &&
      NO_IPV6.has(error.code);
    if (isFallback) return acceptorOf({ ...request, address: "0.0.0.0" });
    const where = path === undefined ? { address, port } : { address: path };
    throw netError(error, "listen", request.fd === undefined ? where : {});
  }
}

function settingsOf(request: ListenRequest, address: string): ListenSettings {
  const { path, fd, port, ipv6Only, reusePort } = request;
  const backlog = request.backlog === undefined
    ? undefined
    : Math.min(request.backlog, BACKLOG_MAX);
  if (path !== undefined) {
    return pathListenSettings({
      path,
      backlog,
      allowHalfOpen: true,
      ...accessOf(request, path),
    });
  }
  if (fd !== undefined) return adoptListener(netGroup(), { fd, ...CONN });
  return listenSettings({
    hostname: address,
    port,
    backlog,
    ipv6Only,
    reusePort,
    ...CONN,
  });
}

/* Who may connect. A pipe of Windows has no permission bits. */
function accessOf(
  { readableAll, writableAll }: ListenRequest,
  path: string,
): { access?: string; mode?: number } {
  if (!readableAll && !writableAll) return {};
  const addr = parsePath(path);
  if (addr.transport === "pipe") return { access: "everyone" };
  if (isWindows || isAbstract(addr)) return {};
  const { umask } = nodeModule<{ umask(): number }>("node:process");
  const own = 0o777 & ~umask();
  return { mode: own | (readableAll ? 0o444 : 0) | (writableAll ? 0o222 : 0) };
}
