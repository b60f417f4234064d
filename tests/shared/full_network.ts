// Copyright the iocp authors. MIT license.

import type { DatagramSocket } from "../../mod.ts";
import { boundSocketOf } from "../../src/datagram/datagram_socket.ts";
import { PENDING } from "../../src/native/completion.ts";

/* So many datagrams of a sendMany() are copied. */
const COPIED = 2;

/**
 * A network without room for the datagrams of a socket. The loopback interface always
 * has room, so that no send over UDP would wait on it. Here, the library answers as it
 * does when the system refuses a datagram: it has a copy, which is sent later.
 */
export class FullNetwork implements Disposable {
  readonly #socket: ReturnType<typeof boundSocketOf>;
  readonly #calls: Pick<
    ReturnType<typeof boundSocketOf>["loop"]["datagrams"],
    "sendTo" | "sendMany"
  >;
  #room: number;
  #sendCopy: (() => number) | undefined;

  /** There is room for the datagrams of `room` calls. */
  constructor(socket: DatagramSocket, room = 0) {
    this.#socket = boundSocketOf(socket) as ReturnType<typeof boundSocketOf>;
    this.#room = room;
    const { datagrams } = this.#socket.loop;
    const sendTo = datagrams.sendTo.bind(datagrams);
    const sendMany = datagrams.sendMany.bind(datagrams);
    this.#calls = { sendTo, sendMany };
    datagrams.sendTo = (id, bytes, offset, length, address) => {
      if (!this.#isFull(id)) {
        return sendTo(id, bytes, offset, length, address);
      }
      const copy = bytes.slice(offset, offset + length);
      this.#sendCopy = () => sendTo(id, copy, 0, length, address);
      return length | PENDING;
    };
    datagrams.sendMany = (id, bytes, length, count) => {
      if (!this.#isFull(id)) return sendMany(id, bytes, length, count);
      const copied = Math.min(count, COPIED);
      const copy = bytes.slice(0, length);
      this.#sendCopy = () => sendMany(id, copy, length, copied);
      return copied | PENDING;
    };
  }

  #isFull(id: number): boolean {
    return id === this.#socket.id && this.#room-- <= 0;
  }

  /** There is room from now on: the copy is sent, and what waits for it. */
  makeRoom(): void {
    const { datagrams } = this.#socket.loop;
    Object.assign(datagrams, this.#calls);
    const sent = this.#sendCopy?.() ?? 0;
    this.#sendCopy = undefined;
    this.#socket.sent(sent, 0);
  }

  [Symbol.dispose](): void {
    Object.assign(this.#socket.loop.datagrams, this.#calls);
  }
}
