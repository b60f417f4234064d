// Copyright the iocp authors. MIT license.
/* What a Socket of iocp/net knows before and during its connection. */

import { adoptSocket } from "../socket/adopter.ts";
import type { AddressFilter } from "../options/address_filter.ts";
import {
  optionalBlockList,
  refuseObjectModes,
  requireInt32,
  requireSignal,
  requireTypeOfService,
} from "./arguments.ts";
import type { Connecting } from "./connecting.ts";
import { SocketHandle } from "./socket_handle.ts";
import type { DuplexLink } from "../views/duplex_link.ts";
import { isWindows } from "../runtime/detect.ts";
import { NotSupported, SocketError } from "../errors.ts";
import { addAbortSignal } from "./node_parts.ts";
import { netGroup } from "./net_group.ts";
import type { Socket } from "../socket/socket.ts";
import type { SocketTimer } from "./socket_timer.ts";
import { type StaticReader, staticReader } from "./static_reader.ts";
import type { Signal } from "../runtime/web_types.ts";
import { wrongArgType, wrongFd } from "./net_error.ts";

type Options = Record<string, unknown>;

/** As in Node since version 22, the bytes that each direction buffers. */
const HIGH_WATER_MARK = 64 * 1024;

/* The lower two bits belong to the system (RFC 3168). */
const TOS_MASK = 0xfc;

function secondsOf(ms: unknown): number {
  return Math.max(0, Math.trunc(Number(ms ?? 0) / 1000)) || 0;
}

/** Checks the options of a new socket, for which a number is a descriptor. */
export function openOptions(given: unknown): Options {
  if (typeof given === "number") return { fd: given };
  const options = (given ?? {}) as Options;
  refuseObjectModes(options);
  return options;
}

/** The connection that the options have, if any. */
export function givenConnection(options: Options): Socket | undefined {
  const { handle, fd } = options;
  if (handle !== undefined && handle !== null) {
    if (handle instanceof SocketHandle) {
      const connection = handle.accepted ?? handle.link?.socket;
      if (connection !== undefined) return connection;
    }
    throw wrongArgType("options.handle", "Handle", handle);
  }
  if (fd === undefined || fd === null) return undefined;
  const number = requireInt32("options.fd", fd, 0);
  if (isWindows) {
    throw new NotSupported(
      "Cannot use fd: on Windows sockets have no file descriptors; use adopt()",
    );
  }
  try {
    const options = { allowHalfOpen: true };
    return adoptSocket(netGroup(), number, options, false);
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    throw Object.assign(wrongFd(error.code), { cause: error });
  }
}

/** The state of a socket beside that of its stream. */
export class SocketState {
  readonly blockList: AddressFilter | undefined;
  readonly onread: StaticReader | undefined;
  readonly signal: Signal | undefined;
  connecting: Connecting | undefined;
  /** The last connection, also after its close. */
  link: DuplexLink | undefined;
  timer: SocketTimer | undefined;
  isRef = true;
  /** destroySoon() was called. */
  isDestroyedSoon = false;
  /** Undefined leaves it as it is: small writes are sent at once. */
  #noDelay: boolean | undefined;
  #keepAlive = false;
  /** In seconds. */
  #keepAliveDelay = 0;
  #typeOfService: number | undefined;

  constructor(options: Options) {
    const { signal } = options;
    if (signal !== undefined && signal !== null) {
      requireSignal("options.signal", signal);
      this.signal = signal as Signal;
    }
    this.blockList = optionalBlockList(
      "options.blockList",
      options["blockList"],
    );
    this.onread = staticReader(options["onread"]);
    this.setInitial(options);
  }

  /** The options of the stream of a new socket. */
  static streamOptions(given: unknown): Options {
    const options = openOptions(given);
    const { highWaterMark = HIGH_WATER_MARK } = options;
    return {
      allowHalfOpen: Boolean(options["allowHalfOpen"]),
      /* _destroy() emits "close", with an argument. */
      emitClose: false,
      decodeStrings: false,
      readableHighWaterMark: options["readableHighWaterMark"] ?? highWaterMark,
      writableHighWaterMark: options["writableHighWaterMark"] ?? highWaterMark,
    };
  }

  /** Destroys the socket when the signal aborts. */
  static abortWith(signal: Signal, socket: object): void {
    addAbortSignal(signal, socket);
  }

  /** The socket connects again. */
  restart(): void {
    this.link = undefined;
    this.isDestroyedSoon = false;
  }

  /** Takes options for when there is a connection. */
  setInitial(options: Options): void {
    const { noDelay, keepAlive, keepAliveInitialDelay } = options;
    if (noDelay !== undefined) this.#noDelay = Boolean(noDelay);
    if (keepAlive !== undefined) this.#keepAlive = Boolean(keepAlive);
    if (keepAliveInitialDelay !== undefined) {
      this.#keepAliveDelay = secondsOf(keepAliveInitialDelay);
    }
    const { typeOfService } = options;
    if (typeOfService !== undefined) {
      this.#typeOfService = requireTypeOfService(
        "options.typeOfService",
        typeOfService,
      );
    }
  }

  /** Sets the options of a new connection, which has none set. */
  applyInitial(handle: SocketHandle): void {
    handle.setInitialNoDelay(this.#noDelay);
    if (this.#keepAlive) handle.setKeepAlive(true, this.#keepAliveDelay);
    if (this.#typeOfService !== undefined) {
      handle.setTypeOfService(this.#typeOfService);
    }
  }

  setNoDelay(handle: SocketHandle | null, noDelay: boolean): void {
    if (noDelay === this.#noDelay) return;
    this.#noDelay = noDelay;
    handle?.setNoDelay(noDelay);
  }

  setKeepAlive(
    handle: SocketHandle | null,
    enable: boolean,
    initialDelay: unknown,
  ): void {
    const delay = secondsOf(initialDelay);
    if (enable === this.#keepAlive && delay === this.#keepAliveDelay) return;
    this.#keepAlive = enable;
    this.#keepAliveDelay = delay;
    handle?.setKeepAlive(enable, delay);
  }

  setTypeOfService(handle: SocketHandle | null, value: number): void {
    this.#typeOfService = value;
    handle?.setTypeOfService(value);
  }

  get typeOfService(): number {
    return (this.#typeOfService ?? 0) & TOS_MASK;
  }

  setRef(handle: SocketHandle | null, isRef: boolean): void {
    this.isRef = isRef;
    this.connecting?.setRef(isRef);
    if (isRef) handle?.ref();
    else handle?.unref();
  }
}
