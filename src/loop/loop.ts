// Copyright the iocp authors. MIT license.
/* The native port of this thread, and the loop that drains it. All ports that
 * users make share it; see group.ts.
 *
 *   busy:  poll -> dispatch -> setImmediate -> poll ...
 *   idle:  after some empty turns, a moment's wait in the thread itself, and then
 *          one outside the JavaScript thread
 *
 * A turn first dequeues, then settles promises; user code runs after it, so
 * nothing here is entered twice. */

import {
  ADDRESS_BYTES,
  decodeAddress,
  type NetAddr,
} from "../native/address.ts";
import {
  GROUP,
  HEADER_FLAGS,
  HEADER_SLAB_END,
  HEADER_SOCKETS,
  HEADER_TIMEOUT_MS,
  HEADER_WORDS,
  INDEX_MASK,
  LOCAL,
  MORE,
  type PEER,
  PENDING,
  RECORD_WORDS,
  SLAB_MIN,
  SOCKET_STATS_FIELDS,
  type SocketStats,
  STATS_FIELDS,
  type Words,
} from "../native/completion.ts";
import {
  errorOf,
  type SocketError,
  type SocketErrorOptions,
} from "../errors.ts";
import { Allowance } from "../socket/allowance.ts";
import { nodeModule, now } from "../runtime/globals.ts";
import { loadLibrary } from "../native/library.ts";
import { CREATE_PORT, WAIT } from "../native/system_calls.ts";
import { realmNumber } from "./realm.ts";
import { runtime } from "../runtime/detect.ts";
import type { Parker } from "../runtime/types.ts";
import type { Native } from "../native/symbols.ts";

/** Whatever has a socket of the port and takes its completions. */
export interface Endpoint {
  /** The socket's name. */
  readonly socket: number;
  /** Takes one completion. It must not run user code. */
  complete(kind: number, result: number, detail: number): void;
  /** Its socket is about to be closed with all of its port: the last chance to
   * ask the library. */
  leave?(): void;
  /** The port was closed under it; nothing comes any more. */
  lose(): void;
}

/** Records of one poll. */
const CAPACITY = 512;
/** Received bytes are handed out as views of slabs of this size. */
export const SLAB_BYTES: number = 256 * 1024;
/** Turns that are deferred together: a round of the runtime's own loop costs
 * more than a poll. Promises settle between them, as between any others. */
const TURNS = 4;
/** Empty turns before the thread sleeps. With more of them it would fill its
 * core with looking, and what else wants that, the runtime's own collector for
 * one, would have to take it away in the middle of a message. Where the thread
 * cannot sleep for so short a time it parks, and looking costs less. */
const EMPTY_TURNS = runtime.target.startsWith("windows") ? 20 : 2;
/** The same while one socket alone has something to do, and that often: its next
 * message mostly is the answer to what was just sent, and is here before a sleep
 * would be over. A peer on the same machine answers within these turns. */
const ALONE_TURNS = 50;
/** For so many microseconds it sleeps by itself, and then parks. Nothing else of
 * the program runs meanwhile, so it is no longer than anybody would notice; but
 * to park and to wake costs two switches between threads, and at ten thousand
 * messages a second or more the next one is here before that is done. */
const WAIT_HERE_US = 100;

/** Empty turns of a call that blocks before a wake-up is sent once more. */
const WAKE_AGAIN_TURNS = 32;

/** One wait of a call that blocks takes no longer, and is then repeated. */
const WAIT_MAX_MS = 2 ** 31 - 1;

const { markAsUntransferable } = nodeModule<{
  markAsUntransferable(buffer: ArrayBuffer): void;
}>("node:worker_threads");

/* A slab is one buffer for many chunks, so nobody may take it away with one of
 * them. Where the runtime lets that happen all the same, through a byte stream
 * or transfer(), the loop notices and goes on with another slab. */
function makeSlab(): Uint8Array<ArrayBuffer> {
  const buffer = new ArrayBuffer(SLAB_BYTES);
  markAsUntransferable(buffer);
  return new Uint8Array(buffer);
}

/** A native port and its sockets. */
export class Loop {
  readonly native: Native;
  /** The native port's name. */
  readonly port: number;
  readonly libraryPath: string;
  /** What may be done at once until the next turn. */
  readonly allowance: Allowance = new Allowance();
  /** The slab that the completion now dispatched refers to. It stays that one
   * for all completions of a poll, whatever is taken between them. */
  slab: Uint8Array<ArrayBuffer> = makeSlab();
  /** The slab that is filled next, and from where. */
  #nextSlab = this.slab;
  #slabOffset = 0;
  #events = new Int32Array(HEADER_WORDS + CAPACITY * RECORD_WORDS) as Words;
  #endpoints: (Endpoint | undefined)[] = [];
  #name = new Uint8Array(new ArrayBuffer(ADDRESS_BYTES));
  #parker: Parker;
  #refs = 0;
  /** Turns that are still to come. */
  #deferred = 0;
  #emptyTurns = 0;
  /** So many are taken before the thread sleeps. */
  #emptyTurnsMax = EMPTY_TURNS;
  /** The socket of the last poll with records, when it had a single one. */
  #loneSocket = 0;
  /** It has parked since then. */
  #hasParked = false;
  /** The wait that is parked was told to end. */
  #isWaitEnded = false;
  /** When the wait that is parked ends by itself, by performance.now(). */
  #parkedUntil = Infinity;
  #isClosed = false;
  #isResident = false;

  constructor() {
    const { native, path } = loadLibrary();
    this.native = native;
    this.libraryPath = path;
    const port = native.iocp_new(realmNumber());
    if (port < 0) throw errorOf(port, CREATE_PORT);
    this.port = port;
    this.#parker = runtime.makeParker(native, path, port, this.#woken);
    this.#parker.setRef(false);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** It stays when no port uses it any more. */
  get isResident(): boolean {
    return this.#isResident;
  }

  /**
   * Parks from now on also while there is nothing to wait for. A test runner
   * that looks for what a test leaves behind then sees the same before and after
   * it: one wait, whatever was opened and closed meanwhile.
   */
  stay(): void {
    this.#isResident = true;
    this.#park(-1);
  }

  /** Enters an endpoint; its completions come until {@linkcode remove}. */
  add(endpoint: Endpoint): void {
    this.#endpoints[endpoint.socket & INDEX_MASK] = endpoint;
    this.kick();
  }

  remove(endpoint: Endpoint): void {
    const index = endpoint.socket & INDEX_MASK;
    if (this.#endpoints[index] === endpoint) this.#endpoints[index] = undefined;
    /* There will be no answer of it to look out for. */
    if (endpoint.socket === this.#loneSocket) this.#setPace(0);
  }

  /** Holds the process alive until the {@linkcode unref} that pairs with it. */
  ref(): void {
    if (this.#refs++ === 0) this.#parker.setRef(true);
  }

  unref(): void {
    if (--this.#refs === 0) this.#parker.setRef(false);
  }

  /** Makes sure that the port is polled soon: a call may have left it
   * something to deliver while it was parked. */
  kick(): void {
    this.#emptyTurns = 0;
    if (this.#deferred === 0 && !this.#isClosed) this.#defer();
  }

  /** The error for a negative result of a call on this port. */
  error(result: number, options: SocketErrorOptions): SocketError {
    const errno = this.native.iocp_native_error(this.port);
    return errorOf(result, { ...options, errno });
  }

  /** The address of one end of a socket. */
  address(socket: number, end: typeof LOCAL | typeof PEER): NetAddr {
    return decodeAddress(this.name(socket, end));
  }

  /** The same as the library tells it; the next call overwrites it. */
  name(socket: number, end: typeof LOCAL | typeof PEER): Uint8Array {
    const bytes = this.#name;
    const result = this.native.iocp_name(this.port, socket, end, bytes);
    if (result < 0) {
      throw this.error(result, {
        syscall: end === LOCAL ? "getsockname" : "getpeername",
      });
    }
    return bytes;
  }

  /** Takes what has come for a socket into the slab, at most `bytes`. Returns
   * it, or the result of iocp_read() that is none. */
  read(socket: number, bytes: number): Uint8Array | number {
    const slab = this.#roomySlab();
    const offset = this.#slabOffset;
    const length = Math.min(bytes, SLAB_BYTES - offset);
    const { native, port } = this;
    const result = native.iocp_read(port, socket, slab, offset, length);
    if (result <= 0 || result === PENDING) return result;
    /* The next chunk starts aligned, like those of iocp_poll(). */
    this.#slabOffset = Math.min((offset + result + 7) & ~7, SLAB_BYTES);
    return slab.subarray(offset, offset + result);
  }

  /** Sets an option of a socket. */
  setOption(socket: number, option: number, value: number): number {
    return this.native.iocp_set_option(this.port, socket, option, value);
  }

  /** The value of an option of a socket, or a negative error. */
  getOption(socket: number, option: number): number {
    return this.native.iocp_get_option(this.port, socket, option);
  }

  /** The counters of a socket. */
  socketStats(socket: number): SocketStats {
    const values = new Float64Array(SOCKET_STATS_FIELDS.length);
    const result = this.native.iocp_socket_stats(this.port, socket, values);
    if (result < 0) throw this.error(result, { syscall: "ioctl" });
    return Object.fromEntries(
      SOCKET_STATS_FIELDS.map((field, index) => [field, values[index]]),
    ) as SocketStats;
  }

  /** The counters of a group of sockets. */
  groupStats(group: number): Record<(typeof STATS_FIELDS)[number], number> {
    const values = new Float64Array(STATS_FIELDS.length);
    const result = this.native.iocp_group_stats(this.port, group, values);
    if (result < 0) throw this.error(result, { syscall: "ioctl" });
    return Object.fromEntries(
      STATS_FIELDS.map((field, index) => [field, values[index]]),
    ) as Record<(typeof STATS_FIELDS)[number], number>;
  }

  /** Closes every socket of a group. The library knows which they are, so that
   * none of them has to hold it here as well. */
  closeGroup(group: number): void {
    if (this.#isClosed) return;
    const own = this.#endpoints.filter((endpoint) =>
      endpoint !== undefined &&
      this.getOption(endpoint.socket, GROUP) === group
    ) as Endpoint[];
    for (const endpoint of own) endpoint.leave?.();
    this.native.iocp_group_close(this.port, group);
    for (const endpoint of own) this.remove(endpoint);
    for (const endpoint of own) endpoint.lose();
    this.kick();
  }

  /** Closes everything that is open. */
  close(): void {
    for (const endpoint of this.abandon()) endpoint?.lose();
  }

  /** The same when no more code of the program runs: nothing is settled. Returns
   * the endpoints that hear of nothing. */
  abandon(): (Endpoint | undefined)[] {
    if (this.#isClosed) return [];
    this.#isClosed = true;
    const endpoints = this.#endpoints;
    this.#endpoints = [];
    for (const endpoint of endpoints) endpoint?.leave?.();
    this.native.iocp_delete(this.port);
    this.#parker.close();
    return endpoints;
  }

  #defer(): void {
    this.#deferred = TURNS;
    for (let i = 0; i < TURNS; i++) runtime.defer(this.#turn);
  }

  #woken = (): void => {
    if (this.#refs > 0 || this.#deferred > 0 || this.#isClosed) {
      this.kick();
      return;
    }
    /* Without a ref it parks again after every turn. With this one taken here,
     * there is no moment at which no wait is parked. */
    this.#deferred = 1;
    this.#turn();
  };

  /**
   * Blocks the thread and takes turns until `isDone`, for no longer than that.
   * Returns false after the timeout. Not for code that a turn runs.
   */
  runUntil(isDone: () => boolean, timeoutMs: number): boolean {
    const end = now() + timeoutMs;
    let emptyTurns = 0;
    if (isDone()) return true;
    try {
      for (;;) {
        const isEmpty = this.#poll();
        if (isDone()) return true;
        const left = end - now();
        if (left <= 0) return false;
        if (!isEmpty) {
          emptyTurns = 0;
          continue;
        }
        this.#endParkedWait(emptyTurns++);
        this.#wait(left);
      }
    } finally {
      /* Deferred turns, or else a wait, go on from here. */
      this.kick();
    }
  }

  /* Only one thread may wait at a time, so one that is parked has to leave. That
   * it has left, the parker learns after the call. When its start was slow it
   * may still come, and then waits here end at once and in vain; but a wake-up
   * can end one of them too, so more of them become fewer and fewer. */
  #endParkedWait(emptyTurns: number): void {
    if (!this.#parker.isParked) return;
    const isDue = emptyTurns >= WAKE_AGAIN_TURNS &&
      (emptyTurns & (emptyTurns - 1)) === 0;
    if (this.#isWaitEnded && !isDue) return;
    this.#isWaitEnded = true;
    this.native.iocp_wake(this.port);
  }

  /* Blocks until there is something to poll, or until it is time to look. */
  #wait(limitMs: number): void {
    const timeoutMs = this.#events[HEADER_TIMEOUT_MS];
    if (timeoutMs >= 0) limitMs = Math.min(limitMs, timeoutMs);
    const ms = limitMs > WAIT_MAX_MS ? WAIT_MAX_MS : Math.ceil(limitMs);
    const result = this.native.iocp_wait(this.port, ms);
    if (result < 0) throw this.error(result, WAIT);
  }

  #turn = (): void => {
    this.#deferred--;
    if (this.#isClosed) return;
    const events = this.#events;
    const isEmpty = this.#poll();
    this.#emptyTurns = isEmpty ? this.#emptyTurns + 1 : 0;
    if (this.#emptyTurns === this.#emptyTurnsMax) this.#waitHere();
    this.#next(events[HEADER_SOCKETS], events[HEADER_TIMEOUT_MS]);
  };

  #waitHere(): void {
    if (this.#events[HEADER_SOCKETS] === 0) return;
    if (this.native.iocp_wait_here(this.port, WAIT_HERE_US) <= 0) return;
    this.#emptyTurns = 0;
    this.#poll();
  }

  /* Dequeues and settles; true when there was nothing, and nothing goes on. */
  #poll(): boolean {
    this.slab = this.#roomySlab();
    const events = this.#events;
    const count = this.native.iocp_poll(
      this.port,
      events,
      CAPACITY,
      this.slab,
      this.#slabOffset,
      SLAB_BYTES,
    );
    if (count < 0) throw this.error(count, WAIT);
    this.#slabOffset = events[HEADER_SLAB_END];
    const { allowance } = this;
    allowance.begin(count);
    if (count > 0) {
      this.#setPace(count === 1 ? events[HEADER_WORDS] : 0);
      this.#dispatch(events, count);
    }
    allowance.end();
    return count === 0 && (events[HEADER_FLAGS] & MORE) === 0 &&
      !allowance.isPending;
  }

  /* `lone`: the socket that alone had a record, or 0. */
  #setPace(lone: number): void {
    const isAlone = lone !== 0 && lone === this.#loneSocket &&
      !this.#hasParked;
    this.#emptyTurnsMax = isAlone ? ALONE_TURNS : EMPTY_TURNS;
    this.#loneSocket = lone;
    this.#hasParked = false;
  }

  /* A slab that can be filled: another one when the last is used up, or was
   * taken away. The chunks that were handed out keep theirs for as long as they
   * are used. */
  #roomySlab(): Uint8Array<ArrayBuffer> {
    const slab = this.#nextSlab;
    if (slab.length > 0 && SLAB_BYTES - this.#slabOffset >= SLAB_MIN) {
      return slab;
    }
    this.#slabOffset = 0;
    return this.#nextSlab = makeSlab();
  }

  #dispatch(events: Words, count: number): void {
    /* The library has written all words of the records that it counts. */
    const endpoints = this.#endpoints;
    for (let i = 0, at = HEADER_WORDS; i < count; i++, at += RECORD_WORDS) {
      const socket = events[at]!;
      const endpoint = endpoints[socket & INDEX_MASK];
      if (endpoint !== undefined && endpoint.socket === socket) {
        endpoint.complete(events[at + 1]!, events[at + 2]!, events[at + 3]!);
      }
    }
  }

  /* Decides how the next turn comes. */
  #next(sockets: number, timeoutMs: number): void {
    if (this.#deferred > 0) return;
    if (sockets === 0 && !this.#isResident) {
      /* Nothing can come any more, so a wait would be for nothing. */
      if (this.#parker.isParked) this.native.iocp_wake(this.port);
      this.#parker.idle();
      return;
    }
    /* A deferred turn holds the process, so without a ref every turn parks:
     * only a wait can be made not to. */
    if (this.#refs > 0 && this.#emptyTurns < this.#emptyTurnsMax) {
      this.#defer();
      return;
    }
    this.#park(timeoutMs);
  }

  /* Waits outside, for no longer than until the next deadline of the library.
   * So there is no timer, which would outlive what it was for. */
  #park(timeoutMs: number): void {
    const until = timeoutMs < 0 ? Infinity : now() + timeoutMs;
    if (this.#parker.isParked) {
      /* It parks anew with the nearer deadline, which is rare: those of closes
       * are alike, so that the first is the nearest. */
      if (until + 1 < this.#parkedUntil) {
        this.#parkedUntil = until;
        this.native.iocp_wake(this.port);
      }
      return;
    }
    this.#parkedUntil = until;
    this.#isWaitEnded = false;
    this.#hasParked = true;
    this.#parker.park(timeoutMs);
  }
}
