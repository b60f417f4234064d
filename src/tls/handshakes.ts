// Copyright the iocp authors. MIT license.

import type { Socket } from "../socket/socket.ts";
import type { Securing, SecuringOwner } from "../socket/securing.ts";
import type { ServerContext } from "./server_context.ts";
import { ServerHandshake } from "./server_handshake.ts";

/** The handshakes of the connections of a listener, all at once: a slow client does
 * not delay the others. */
export class Handshakes implements Securing {
  readonly #context: ServerContext;
  readonly #owner: SecuringOwner;
  readonly #pending = new Set<ServerHandshake>();
  failures = 0;

  constructor(context: ServerContext, owner: SecuringOwner) {
    this.#context = context;
    this.#owner = owner;
  }

  get pending(): number {
    return this.#pending.size;
  }

  start(raw: Socket): void {
    const timeout = this.#context.settings.handshakeTimeout;
    const limits = { signal: undefined, timeout };
    const handshake = new ServerHandshake(raw, this.#context, limits);
    this.#pending.add(handshake);
    handshake.secure().then((socket) => {
      if (this.#pending.delete(handshake)) this.#owner.secured(socket);
      else socket.reset();
    }, (error) => {
      if (!this.#pending.delete(handshake)) return;
      this.failures++;
      this.#owner.failed(error);
    });
  }

  clear(): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const handshake of pending) handshake.abandon();
  }
}
