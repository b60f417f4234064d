// Copyright the iocp authors. MIT license.
import { type Addr, decodeAddress } from "./address.ts";
import {
  LOCAL,
  type PEER,
  PEER_UNKNOWN,
  PENDING,
  SOCKET_STATS_FIELDS,
  type SocketStats,
  STATS_FIELDS,
  type Stats,
  type Words,
} from "./completion.ts";
import { PATH_BYTES } from "./path.ts";
import type { Peer } from "./peer.ts";
import {
  errorOf,
  numberOf,
  type SocketError,
  type SocketErrorOptions,
} from "../errors.ts";
import type { Native } from "./symbols.ts";
import { CREATE_PORT, WAIT } from "./system_calls.ts";
import { TCP_INFO_FIELDS, type TcpInfoFields } from "./tcp_info.ts";

const ENOTSUP = numberOf("ENOTSUP");

/** The counters of a socket that has done nothing. */
export const NO_SOCKET_STATS: Readonly<SocketStats> = Object.freeze(
  Object.fromEntries(SOCKET_STATS_FIELDS.map((field) => [field, 0])),
) as SocketStats;

/**
 * A port of the library: the functions of ffi/include/iocp.h that are about one,
 * without those of datagram sockets (datagrams.ts) and of its inbox (inbox.ts).
 *
 * Sockets are given and returned by id. Unless documented otherwise, a method
 * returns the result of the C function, negative for a failure; {@linkcode
 * NativePort.error} makes an error of it. `kick` is called after a call that
 * leaves records to report, so that the port is polled soon.
 */
export class NativePort {
  /** Its id in the library. */
  readonly id: number;
  /** The number of calls of {@linkcode send}. */
  sends = 0;
  readonly #native: Native;
  readonly #kick: () => void;
  readonly #address = new Uint8Array(new ArrayBuffer(PATH_BYTES));

  /** Makes a port for this thread; the ports of other realms are deleted. */
  constructor(native: Native, realm: number, kick: () => void) {
    const id = native.iocp_new(realm);
    if (id < 0) throw errorOf(id, CREATE_PORT);
    this.id = id;
    this.#native = native;
    this.#kick = kick;
  }

  /** Deletes the port and closes its sockets at once. */
  delete(): void {
    this.#native.iocp_delete(this.id);
  }

  /** The error for the negative result of a completion, which has come with its
   * `errno`, or else of the last call. */
  error(result: number, options: SocketErrorOptions): SocketError {
    const { errno = this.#native.iocp_native_error(this.id) } = options;
    return errorOf(result, { ...options, errno });
  }

  /* ---- waiting and dequeueing */

  /** Dequeues up to `capacity` records into `events`, and received bytes into
   * `slab` from `offset` on. Returns the number of records. */
  poll(
    events: Words,
    capacity: number,
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
  ): number {
    const { length } = slab;
    const count = this.#native.iocp_poll(
      this.id,
      events,
      capacity,
      slab,
      offset,
      length,
    );
    if (count < 0) throw this.error(count, WAIT);
    return count;
  }

  /** Blocks the thread until there is something to poll, for `timeoutMs` at
   * most. */
  wait(timeoutMs: number): void {
    const result = this.#native.iocp_wait(this.id, timeoutMs);
    if (result < 0) throw this.error(result, WAIT);
  }

  /** The same for up to a millisecond, on Linux only. True if there is something
   * to poll. */
  waitHere(timeoutUs: number): boolean {
    return this.#native.iocp_wait_here(this.id, timeoutUs) > 0;
  }

  /** Ends the wait that is running in this or another thread. */
  wake(): void {
    this.#native.iocp_wake(this.id);
  }

  /* ---- making sockets */

  /** Returns the id of a new listener. */
  listen(address: Uint8Array, backlog: number, flags: number): number {
    return this.#native.iocp_listen(this.id, address, backlog, flags);
  }

  /** The same for a local socket; `path` is a struct iocp_path. */
  listenPath(
    path: Uint8Array,
    backlog: number,
    flags: number,
    mode: number,
    access: Uint8Array | null,
  ): number {
    return this.#native.iocp_listen_path(
      this.id,
      path,
      backlog,
      flags,
      mode,
      access,
      access?.length ?? 0,
    );
  }

  /** Keeps `count` accepts posted; 0 stops accepting. */
  accept(listener: number, count: number): number {
    const result = this.#native.iocp_accept(this.id, listener, count);
    this.#kick();
    return result;
  }

  /** Returns the id of a socket that is being connected. */
  connect(remote: Uint8Array, local: Uint8Array | null): number {
    const result = this.#native.iocp_connect(this.id, remote, local);
    this.#kick();
    return result;
  }

  /** Returns the id of a connected socket that was created elsewhere. */
  adopt(handle: number, flags: number): number {
    return this.#native.iocp_add_socket(this.id, handle, flags);
  }

  /** Returns the id of a listener that was created elsewhere. */
  adoptListener(handle: number, flags: number): number {
    return this.#native.iocp_add_listener(this.id, handle, flags);
  }

  /** Closes a handle that is on no port. */
  drop(handle: number): number {
    return this.#native.iocp_drop(this.id, handle);
  }

  /** Stops accepting for good; connections that the system has accepted are still
   * reported. */
  stop(listener: number): number {
    const result = this.#native.iocp_stop(this.id, listener);
    this.#kick();
    return result;
  }

  /* ---- moving bytes */

  /** Lets the library receive `bytes` more. */
  receive(socket: number, bytes: number): number {
    const result = this.#native.iocp_receive(this.id, socket, bytes);
    this.#kick();
    return result;
  }

  /** Reads what has come. With PENDING as the result, READABLE follows. */
  read(
    socket: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): number {
    const result = this.#native.iocp_read(
      this.id,
      socket,
      buffer,
      offset,
      length,
    );
    if (result === PENDING) this.#kick();
    return result;
  }

  /** Sends. With PENDING in the result, SENT follows. */
  send(
    socket: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): number {
    this.sends++;
    const result = this.#native.iocp_send(
      this.id,
      socket,
      bytes,
      offset,
      length,
    );
    if (result >= PENDING) this.#kick();
    return result;
  }

  /** Sends the same to the first `count` of `sockets`; `results` has what
   * {@linkcode send} would return for each. Returns the number of those that
   * have not sent all of it. */
  broadcast(
    sockets: Int32Array,
    results: Int32Array,
    count: number,
    bytes: Uint8Array,
  ): number {
    const others = this.#native.iocp_broadcast(
      this.id,
      sockets,
      results,
      count,
      bytes,
      0,
      bytes.length,
    );
    if (others !== 0) this.#kick();
    return others;
  }

  /** Opens a file; its size is written to `size`. Returns its id. */
  openFile(path: Uint8Array, size: Float64Array): number {
    return this.#native.iocp_open_file(this.id, path, path.length, size);
  }

  /** Sends bytes of a file. With PENDING in the result, SENT follows. */
  sendFile(
    socket: number,
    file: number,
    offset: number,
    length: number,
  ): number {
    const result = this.#native.iocp_send_file(
      this.id,
      socket,
      file,
      offset,
      length,
    );
    if (result >= PENDING) this.#kick();
    return result;
  }

  /** Closes a file; what is being sent of it is sent all the same. */
  closeFile(file: number): void {
    this.#native.iocp_close_file(this.id, file);
  }

  /** True if the peer has acknowledged bytes since the last call. */
  hasProgressed(socket: number): boolean {
    return this.#native.iocp_progress(this.id, socket) === 1;
  }

  /** Sends FIN behind everything else; SHUT follows. */
  shutdown(socket: number): number {
    const result = this.#native.iocp_shutdown(this.id, socket);
    this.#kick();
    return result;
  }

  /** Closes in mode GRACEFUL, RESET or DETACH; CLOSED follows. */
  close(socket: number, mode: number, timeoutMs: number): number {
    const result = this.#native.iocp_close(this.id, socket, mode, timeoutMs);
    this.#kick();
    return result;
  }

  /* ---- addresses, options, counters */

  /** The address of one end. */
  address(socket: number, end: typeof LOCAL | typeof PEER): Addr {
    return decodeAddress(this.addressBytes(socket, end));
  }

  /** The same as a struct iocp_address or iocp_path; the next call overwrites
   * it. */
  addressBytes(socket: number, end: typeof LOCAL | typeof PEER): Uint8Array {
    const bytes = this.#address;
    const result = this.#native.iocp_get_address(
      this.id,
      socket,
      end,
      bytes,
      bytes.length,
    );
    if (result < 0) {
      const syscall = end === LOCAL ? "getsockname" : "getpeername";
      throw this.error(result, { syscall });
    }
    return bytes.subarray(0, result);
  }

  /** The process at the other end of a local socket; over TCP the system says
   * nothing about it. */
  peer(socket: number): Peer {
    const fields = new Uint32Array(3);
    const result = this.#native.iocp_get_peer(this.id, socket, fields);
    if (result < 0 && result !== ENOTSUP) {
      const action = "get the process of the peer";
      throw this.error(result, { syscall: "getsockopt", action });
    }
    const [pid, uid, gid] = Array.from(
      fields,
      (field) => result < 0 || field === PEER_UNKNOWN ? undefined : field,
    );
    return { pid, uid, gid };
  }

  setOption(socket: number, option: number, value: number): number {
    return this.#native.iocp_set_option(this.id, socket, option, value);
  }

  /** The value of an option, or a negative error. */
  getOption(socket: number, option: number): number {
    return this.#native.iocp_get_option(this.id, socket, option);
  }

  socketStats(socket: number): SocketStats {
    return this.#counters(
      SOCKET_STATS_FIELDS,
      (values) => this.#native.iocp_socket_stats(this.id, socket, values),
    );
  }

  /** What the system knows of a TCP connection. */
  tcpInfo(socket: number): TcpInfoFields {
    return this.#counters(
      TCP_INFO_FIELDS,
      (values) => this.#native.iocp_tcp_info(this.id, socket, values),
    );
  }

  /* ---- groups of sockets */

  /** Returns the number of a new group. */
  newGroup(): number {
    return this.#native.iocp_group_new(this.id);
  }

  /** Closes every socket of a group, at once and without CLOSED. */
  closeGroup(group: number): void {
    this.#native.iocp_group_close(this.id, group);
    this.#kick();
  }

  groupStats(group: number): Stats {
    return this.#counters(
      STATS_FIELDS,
      (values) => this.#native.iocp_group_stats(this.id, group, values),
    );
  }

  /* The counters that `read` writes, by the names of their fields. */
  #counters<F extends string>(
    fields: readonly F[],
    read: (values: Float64Array<ArrayBuffer>) => number,
  ): Record<F, number> {
    const values = new Float64Array(fields.length);
    const result = read(values);
    if (result < 0) throw this.error(result, { syscall: "ioctl" });
    return Object.fromEntries(
      fields.map((field, index) => [field, values[index]]),
    ) as Record<F, number>;
  }
}
