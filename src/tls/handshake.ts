// Copyright the iocp authors. MIT license.

import { SocketError, timedOut } from "../errors.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import type { Limits } from "../options/operation.ts";
import type { Socket } from "../socket/socket.ts";
import {
  ENDED_EARLY,
  errorOfFailure,
  failureOf,
  type TlsFailure,
} from "./tls_failure.ts";
import type { NodeError } from "./node_tls.ts";
import type { Transport } from "./transport.ts";

/** The failed call of an error in a handshake. */
const HANDSHAKE = "handshake";

/** A handshake of TLS over a connection, with its limits. When it fails, the
 * connection is closed; at the deadline or the abort it is reset. */
export abstract class Handshake extends LimitedCall<Socket> {
  protected readonly raw: Socket;
  protected transport: Transport | undefined;
  /** It has succeeded, or has failed. */
  protected isOver = false;

  constructor(raw: Socket, limits: Limits) {
    super(raw.loop, limits);
    this.raw = raw;
  }

  /** Runs it. Whatever ends it before it is done, the connection is closed. */
  async secure(): Promise<Socket> {
    try {
      return await this.run();
    } catch (error) {
      if (!this.raw.isClosed) this.withdraw();
      throw error;
    }
  }

  /** Starts to watch the connection below, of which `transport` is the stream. */
  protected watch(transport: Transport): void {
    const { raw } = this;
    this.transport = transport;
    transport.onFailure = (error) => this.failWith(error);
    transport.onWriteFailure = transport.onFailure;
    transport.onPeerEnd = () => this.fail(ENDED_EARLY);
    raw.onReleased(() => {
      const detail = "the connection was closed";
      this.failWith(
        raw.lastError ??
          new SocketError("EINTR", { syscall: HANDSHAKE, detail }),
      );
    });
  }

  /** It has failed with an error of the TLSSocket or of the connection. */
  failWith(error: NodeError): void {
    this.fail(failureOf(error));
  }

  /** It has failed. */
  protected fail(failure: TlsFailure): void {
    if (this.isOver) return;
    this.isOver = true;
    const { raw } = this;
    const options = { syscall: HANDSHAKE, ...raw.errorPeer };
    this.reject(errorOfFailure(failure, options));
    /* What the TLSSocket has sent to say why is still delivered. */
    raw.close();
    this.transport?.drop();
  }

  /** It has succeeded. */
  protected secured(socket: Socket): void {
    this.isOver = true;
    this.resolve(socket);
  }

  /** Ends it; nothing is sent or received any more. */
  withdraw(): void {
    this.isOver = true;
    this.raw.reset();
    this.transport?.drop();
  }

  /** Its result is not wanted any more. */
  abandon(): void {
    this.withdraw();
    this.reject(undefined);
  }

  protected timeoutError(): Error {
    return timedOut(HANDSHAKE, this.raw.errorPeer);
  }
}
