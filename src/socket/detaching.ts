// Copyright the iocp authors. MIT license.

import { DETACH } from "../native/completion.ts";
import type { DetachedSocket } from "./detached_socket.ts";
import { SocketError } from "../errors.ts";
import { DETACH as DETACH_CALL } from "../native/system_calls.ts";
import type { SocketLoop } from "../loop/socket_loop.ts";
import type { ReceiveQueue } from "./receive_queue.ts";

/** What a detach needs of its connection. */
export interface DetachOwner {
  readonly loop: SocketLoop;
  readonly id: number;
  readonly settings: { readonly closeTimeout: number };
  readonly receive: ReceiveQueue;
  readonly lastError: Error | undefined;
  failure(
    result: number,
    syscall: string,
    errno?: number,
    action?: string,
  ): Error;
  closedError(syscall: string, action?: string): Error;
  reset(): void;
}

/** A detach: it waits until all writes were sent, and then for the library. */
export class Detaching {
  readonly #owner: DetachOwner;
  readonly promise: Promise<DetachedSocket>;
  #resolve!: (socket: DetachedSocket) => void;
  #reject!: (error: Error) => void;
  #isDone = false;
  /** "waiting" for writes, "submitted" to the library, or "over". */
  #state: "waiting" | "submitted" | "over" = "waiting";

  constructor(owner: DetachOwner) {
    this.#owner = owner;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The caller has the handle. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** All writes were sent, or have failed. */
  writesDone(isReleased: boolean): void {
    if (this.#state !== "waiting") return;
    const owner = this.#owner;
    if (isReleased) {
      const { syscall, action } = DETACH_CALL;
      this.#fail(owner.lastError ?? owner.closedError(syscall, action));
      return;
    }
    this.#state = "submitted";
    const { loop, id, settings } = owner;
    const result = loop.port.close(id, DETACH, settings.closeTimeout);
    if (result >= 0) return;
    this.#fail(this.#failure(result));
    owner.reset();
  }

  /** The library has closed the socket. Returns false if it was not asked to. */
  closed(result: number, errno: number, handle: number): boolean {
    if (this.#state !== "submitted") return false;
    if (result < 0) this.#fail(this.#failure(result, errno));
    else {
      this.#state = "over";
      this.#isDone = true;
      this.#resolve({ handle, bytes: this.#owner.receive.removeAll() });
    }
    return true;
  }

  /** The peer has acknowledged nothing for `closeTimeout`; a reset follows. */
  timedOut(): void {
    const detail = "the peer has received nothing for closeTimeout";
    this.#fail(new SocketError("ETIMEDOUT", { ...DETACH_CALL, detail }));
  }

  portClosed(): void {
    if (this.#state === "over") return;
    const detail = "its completion port was closed";
    this.#fail(new SocketError("EINTR", { ...DETACH_CALL, detail }));
  }

  #fail(error: Error): void {
    this.#state = "over";
    this.#owner.receive.removeAll();
    this.#reject(error);
  }

  #failure(result: number, errno?: number): Error {
    const { syscall, action } = DETACH_CALL;
    return this.#owner.failure(result, syscall, errno, action);
  }
}
