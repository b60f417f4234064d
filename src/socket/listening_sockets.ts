// Copyright the iocp authors. MIT license.

import type { Endpoint } from "../loop/endpoint.ts";
import type { Group } from "../loop/group.ts";
import type { Loop } from "../loop/loop.ts";
import type { Addr } from "../native/address.ts";
import {
  LOCAL,
  RESET,
  SOCKET_STATS_FIELDS,
  type SocketStats,
} from "../native/completion.ts";
import type { NativePort } from "../native/port.ts";
import { listenPath } from "./listen_path.ts";
import { listenSockets } from "./listen_socket.ts";
import type { ConnSettings } from "../options/conn.ts";
import type { ListenSettings } from "../options/listen.ts";
import { Socket, type SocketSettings } from "./socket.ts";

/** The owner of listening sockets. */
export interface ListeningOwner {
  /** `result` is the id of an accepted connection, or a negative error. The
   * `settings` are shared by all connections of one listening socket. */
  accepted(result: number, errno: number, settings: SocketSettings): void;
  /** The library has closed the socket: the listener of a share is gone. */
  ended(): void;
  /** The sockets were closed with their port. */
  portClosed(): void;
}

/* One of the sockets. */
class ListeningSocket implements Endpoint {
  readonly id: number;
  readonly address: Addr;
  readonly #owner: ListeningOwner;
  readonly #settings: SocketSettings;

  constructor(
    id: number,
    address: Addr,
    settings: ConnSettings,
    owner: ListeningOwner,
  ) {
    this.id = id;
    this.address = address;
    this.#owner = owner;
    /* A copy, since users get `address`, and may change it. */
    this.#settings = { ...settings, listenerAddr: { ...address } };
  }

  /* The object stays when other settings of the connection change. */
  hasAccepted({ settings: { listenerAddr } }: Socket): boolean {
    return listenerAddr === this.#settings.listenerAddr;
  }

  accepted(result: number, errno: number): void {
    this.#owner.accepted(result, errno, this.#settings);
  }

  closed(): void {
    this.#owner.ended();
  }

  portClosed(): void {
    this.#owner.portClosed();
  }
}

function openSockets(loop: Loop, settings: ListenSettings): number[] {
  if ("id" in settings) return [settings.id];
  if ("addr" in settings) return [listenPath(loop, settings)];
  return listenSockets(loop, settings);
}

/** The sockets of one listener, used like a single one: usually there is one,
 * and for "localhost" one of each address family. */
export class ListeningSockets {
  readonly #port: NativePort;
  /** The first one has the address that users see. */
  readonly #sockets: readonly ListeningSocket[];

  constructor(group: Group, settings: ListenSettings, owner: ListeningOwner) {
    const { loop } = group;
    this.#port = loop.port;
    const ids = openSockets(loop, settings);
    this.#sockets = ids.map((id) => {
      group.join(id);
      const address = loop.port.address(id, LOCAL);
      return new ListeningSocket(id, address, settings.conn, owner);
    });
    for (const socket of this.#sockets) loop.add(socket);
  }

  get address(): Addr {
    return this.#sockets[0]!.address;
  }

  get ids(): number[] {
    return this.#sockets.map(({ id }) => id);
  }

  /** Keeps `count` accepts posted on each socket. */
  accept(count: number): void {
    for (const { id } of this.#sockets) this.#port.accept(id, count);
  }

  /** Stops accepting. Returns 0 or a negative error. */
  stop(): number {
    let result = 0;
    for (const { id } of this.#sockets) {
      result = Math.min(result, this.#port.stop(id));
    }
    return result;
  }

  /** The only socket, or undefined if there are two. */
  get only(): number | undefined {
    return this.#sockets.length === 1 ? this.#sockets[0]!.id : undefined;
  }

  /** The value of an option, or a negative error. */
  getOption(option: number): number {
    return this.#port.getOption(this.#sockets[0]!.id, option);
  }

  /** Sets an option of all sockets. Returns the first negative error, or the last
   * result. */
  setOption(option: number, value: number): number {
    let result = 0;
    for (const { id } of this.#sockets) {
      result = this.#port.setOption(id, option, value);
      if (result < 0) break;
    }
    return result;
  }

  /** The sum of the counters. */
  stats(): SocketStats {
    const [sum, ...others] = this.#sockets.map(({ id }) =>
      this.#port.socketStats(id)
    );
    for (const other of others) {
      for (const field of SOCKET_STATS_FIELDS) sum![field] += other[field];
    }
    return sum!;
  }

  /** The open connections that these sockets have accepted. */
  connections(loop: Loop): Socket[] {
    return loop.filter((endpoint) =>
      endpoint instanceof Socket && !endpoint.isReleased &&
      this.#sockets.some((socket) => socket.hasAccepted(endpoint))
    ) as Socket[];
  }

  /** Closes all sockets at once. */
  close(): void {
    for (const { id } of this.#sockets) this.#port.close(id, RESET, 0);
  }
}
