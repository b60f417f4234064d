// Copyright the iocp authors. MIT license.
/* The sockets of a loop, and how the records of a poll get to them. */

import {
  ACCEPTED,
  CLOSED,
  CONNECTED,
  DATAGRAMS,
  HEADER_WORDS,
  INDEX_MASK,
  READABLE,
  RECEIVED,
  RECORD_WORDS,
  SENT,
  SHUT,
  type Words,
} from "../native/completion.ts";

/**
 * The owner of a socket, which has a method for each completion that can come
 * for it. None of them may run user code.
 *
 * A `result` is that of the C API, negative for a failure, and `errno` then the
 * system's own number.
 */
export interface Endpoint {
  /** The socket's id. */
  readonly id: number;
  /** A listener: `result` is the id of a new socket. */
  accepted?(result: number, errno: number): void;
  /** The connection attempt has succeeded or failed. */
  connected?(result: number, errno: number): void;
  /** Bytes have arrived. */
  received?(chunk: Uint8Array<ArrayBuffer>): void;
  /** `count` datagrams have arrived, which are packed in the slab from `offset`
   * on. */
  datagrams?(
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    count: number,
  ): void;
  /** No more bytes will arrive; a `result` of 0 is the peer's end. For a datagram
   * socket it is an error of an earlier datagram, and others still arrive. */
  receiveEnded?(result: number, errno: number): void;
  /** There is something to read. */
  readable?(): void;
  /** The oldest pending send has completed. */
  sent?(result: number, errno: number): void;
  /** FIN was sent, or could not be. */
  shut?(result: number, errno: number): void;
  /** The socket is closed; this is its last completion. `handle` is the result
   * of a detach. A negative result is the reason why the library closed the
   * socket by itself, or the failure of the close. */
  closed(result: number, errno: number, handle: number): void;
  /** The port is about to be closed: the last moment for calls about the
   * socket. */
  portClosing?(): void;
  /** The port was closed, and the socket with it; no completion comes. */
  portClosed(): void;
}

/** The endpoints of a loop, by the index of their sockets. */
export class Endpoints {
  #byIndex: (Endpoint | undefined)[] = [];
  readonly #onRemoved: (id: number) => void;

  /** `onRemoved` is called with the id of each endpoint that {@linkcode remove}
   * has removed. */
  constructor(onRemoved: (id: number) => void) {
    this.#onRemoved = onRemoved;
  }

  add(endpoint: Endpoint): void {
    this.#byIndex[endpoint.id & INDEX_MASK] = endpoint;
  }

  remove(endpoint: Endpoint): void {
    const index = endpoint.id & INDEX_MASK;
    /* A connection attempt and the connection that replaces it have the same
     * id. */
    if (this.#byIndex[index] !== endpoint) return;
    this.#byIndex[index] = undefined;
    this.#onRemoved(endpoint.id);
  }

  /** The endpoints for which `accepts` is true. */
  filter(accepts: (endpoint: Endpoint) => boolean): Endpoint[] {
    return this.#byIndex.filter((endpoint) =>
      endpoint !== undefined && accepts(endpoint)
    ) as Endpoint[];
  }

  /** Removes and returns all of them. */
  clear(): Endpoint[] {
    const all = this.filter(() => true);
    this.#byIndex = [];
    return all;
  }

  /** Passes the first `count` records of a poll, whose data is in `slab`, to
   * their endpoints. Returns how many chunks of bytes they have got; the datagrams of
   * a record are one. */
  dispatch(
    events: Words,
    count: number,
    slab: Uint8Array<ArrayBuffer>,
  ): number {
    const byIndex = this.#byIndex;
    let chunks = 0;
    for (let i = 0, at = HEADER_WORDS; i < count; i++, at += RECORD_WORDS) {
      /* The library has written all words of the records that it counts. */
      const id = events[at]!;
      const endpoint = byIndex[id & INDEX_MASK];
      /* An earlier record of this poll may have removed the endpoint. */
      if (endpoint === undefined || endpoint.id !== id) continue;
      const result = events[at + 2]!;
      const detail = events[at + 3]!;
      switch (events[at + 1]) {
        case RECEIVED:
          if (result > 0) {
            chunks++;
            endpoint.received?.(slab.subarray(detail, detail + result));
          } else endpoint.receiveEnded?.(result, detail);
          break;
        case SENT:
          endpoint.sent?.(result, detail);
          break;
        case READABLE:
          if (result === 0) endpoint.readable?.();
          else endpoint.receiveEnded?.(result, detail);
          break;
        case DATAGRAMS:
          if (result > 0) {
            chunks++;
            endpoint.datagrams?.(slab, detail, result);
          } else endpoint.receiveEnded?.(result, detail);
          break;
        case ACCEPTED:
          endpoint.accepted?.(result, detail);
          break;
        case CONNECTED:
          endpoint.connected?.(result, detail);
          break;
        case SHUT:
          endpoint.shut?.(result, detail);
          break;
        case CLOSED:
          this.remove(endpoint);
          if (result < 0) endpoint.closed(result, detail, 0);
          else endpoint.closed(0, 0, detail >>> 0);
          break;
      }
    }
    return chunks;
  }
}
