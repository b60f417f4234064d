// Copyright the iocp authors. MIT license.
/* The turns of a thread's port. All ports that users make share it; see
 * group.ts.
 *
 *   busy:  poll -> dispatch -> setImmediate -> poll ...
 *   idle:  after some empty turns a short wait in the thread itself, and then
 *          one outside the JavaScript thread
 *   lone:  the answer of a single busy peer is expected, so the short wait comes
 *          before the first poll, or else after more of them (spin_trial.ts)
 *
 * A turn first dequeues, then settles promises; user code runs after it, so
 * nothing here needs to be reentrant. */

import {
  GROUP,
  HEADER_FLAGS,
  HEADER_SLAB_END,
  HEADER_SOCKETS,
  HEADER_TIMEOUT_MS,
  HEADER_WORDS,
  MORE,
  RECORD_WORDS,
  SLAB_FULL,
  type Words,
} from "../native/completion.ts";
import { Allowance } from "../socket/allowance.ts";
import { Deadlines } from "./deadlines.ts";
import { type Endpoint, Endpoints } from "./endpoint.ts";
import { now } from "../runtime/globals.ts";
import { loadLibrary } from "../native/library.ts";
import { NativeDatagrams } from "../native/datagrams.ts";
import { NativeInbox } from "../native/inbox.ts";
import { NativePort } from "../native/port.ts";
import { NativeSharing } from "../native/sharing.ts";
import { NONE, Pace } from "./pace.ts";
import { ParkedWait } from "./parked_wait.ts";
import { realmNumber } from "./realm.ts";
import { runtime } from "../runtime/detect.ts";
import { Slab, SLAB_BYTES } from "./slab.ts";
import type { Native } from "../native/symbols.ts";
import { deliver } from "../watching/delivery.ts";

/** Records of one poll. */
const CAPACITY = 512;
/** A longer wait is repeated. */
const WAIT_MAX_MS = 2 ** 31 - 1;

/** A native port, its sockets and its turns. */
export class Loop {
  /** The library's functions that are about no port. */
  readonly native: Native;
  readonly port: NativePort;
  readonly datagrams: NativeDatagrams;
  readonly inbox: NativeInbox;
  readonly sharing: NativeSharing;
  readonly libraryPath: string;
  /** What may be done at once until the next turn. */
  readonly allowance: Allowance = new Allowance();
  /** When operations end that have a timeout. The parked wait begins anew for one
   * that is nearer than all others. */
  readonly deadlines: Deadlines = new Deadlines(() => this.kick());
  /** Memory for received bytes. */
  readonly slab: Slab = new Slab();
  #events = new Int32Array(HEADER_WORDS + CAPACITY * RECORD_WORDS) as Words;
  #pace = new Pace();
  #endpoints = new Endpoints((id) => this.#pace.removed(id));
  #parkedWait: ParkedWait;
  #refs = 0;
  /** Turns that are deferred and have not come yet. */
  #deferred = 0;
  /** A turn of those that were deferred together has settled something. */
  #hasSettled = false;
  /** The others of them are left out. */
  #isYielding = false;
  #isClosed = false;
  #isResident = false;

  constructor() {
    const { native, path } = loadLibrary();
    this.native = native;
    this.libraryPath = path;
    const kick = () => this.kick();
    this.port = new NativePort(native, realmNumber(), kick);
    this.datagrams = new NativeDatagrams(native, this.port.id, kick);
    this.inbox = new NativeInbox(native, this.port.id);
    this.sharing = new NativeSharing(native, this.port.id);
    this.#parkedWait = new ParkedWait(
      this.port,
      runtime.makeParker(native, path, this.port.id, this.#woken),
    );
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** It stays open when no port uses it any more. */
  get isResident(): boolean {
    return this.#isResident;
  }

  /**
   * Parks from now on also while no socket is open. A test runner that compares
   * the pending operations before and after a test then sees the same single
   * wait, whatever the test opened and closed.
   */
  makeResident(): void {
    this.#isResident = true;
    this.#park(-1);
  }

  /** Adds an endpoint, which gets the completions of its socket. */
  add(endpoint: Endpoint): void {
    this.#endpoints.add(endpoint);
    this.kick();
  }

  /** The endpoints for which `accepts` is true. */
  filter(accepts: (endpoint: Endpoint) => boolean): Endpoint[] {
    return this.#endpoints.filter(accepts);
  }

  /** Holds the process alive until the {@linkcode unref} that pairs with it. */
  ref(): void {
    if (this.#refs++ === 0) this.#parkedWait.setRef(true);
  }

  unref(): void {
    if (--this.#refs === 0) this.#parkedWait.setRef(false);
  }

  /** Makes sure that the port is polled soon. */
  kick(): void {
    this.#pace.restart();
    if (this.#deferred === 0 && !this.#isClosed) this.#defer();
  }

  /** Closes every socket of a group. The library knows which these are, so that
   * no list of them is needed here. */
  closeGroup(group: number): void {
    if (this.#isClosed) return;
    const { port } = this;
    const own = this.#endpoints.filter(({ id }) =>
      port.getOption(id, GROUP) === group
    );
    for (const endpoint of own) endpoint.portClosing?.();
    port.closeGroup(group);
    for (const endpoint of own) this.#endpoints.remove(endpoint);
    for (const endpoint of own) endpoint.portClosed();
  }

  /** Closes everything that is open. */
  close(): void {
    for (const endpoint of this.abandon()) endpoint.portClosed();
  }

  /** The same at the end of a realm, when no more code of the program may run:
   * no promise is settled. Returns the endpoints, which are not notified. */
  abandon(): Endpoint[] {
    if (this.#isClosed) return [];
    this.#isClosed = true;
    const endpoints = this.#endpoints.clear();
    for (const endpoint of endpoints) endpoint.portClosing?.();
    this.port.delete();
    this.#parkedWait.close();
    return endpoints;
  }

  /**
   * Blocks the thread and runs turns until `isDone`, for `timeoutMs` at most.
   * Returns false after the timeout. Not for code that a turn runs.
   */
  runUntil(isDone: () => boolean, timeoutMs: number): boolean {
    const end = now() + timeoutMs;
    let emptyTurns = 0;
    deliver();
    if (isDone()) return true;
    try {
      for (;;) {
        const isEmpty = this.#poll();
        deliver();
        if (isDone()) return true;
        const left = end - now();
        if (left <= 0) return false;
        if (!isEmpty) {
          emptyTurns = 0;
          continue;
        }
        this.#parkedWait.interrupt(emptyTurns++);
        this.#block(left);
      }
    } finally {
      /* Deferred turns, or else a parked wait, continue from here. */
      this.kick();
    }
  }

  /* Blocks until there is something to poll, or a deadline has passed. */
  #block(limitMs: number): void {
    const timeoutMs = this.#waitMs();
    if (timeoutMs >= 0) limitMs = Math.min(limitMs, timeoutMs);
    this.port.wait(limitMs > WAIT_MAX_MS ? WAIT_MAX_MS : Math.ceil(limitMs));
  }

  /* How long a wait may last: until the next deadline of the library or of an
   * operation. Without one it is -1. */
  #waitMs(): number {
    const timeoutMs = this.#events[HEADER_TIMEOUT_MS];
    const { nextAt } = this.deadlines;
    if (nextAt === Infinity) return timeoutMs;
    const left = Math.min(Math.max(0, Math.ceil(nextAt - now())), WAIT_MAX_MS);
    return timeoutMs < 0 ? left : Math.min(left, timeoutMs);
  }

  #defer(): void {
    const { turns } = this.#pace;
    this.#deferred = turns;
    /* A runtime that can drain its microtasks needs one callback for all turns, which
     * leaves a quarter of the garbage. */
    const callbacks = runtime.drain === undefined ? turns : 1;
    for (let i = 0; i < callbacks; i++) runtime.defer(this.#turns);
  }

  /* One of the deferred turns, or all of them with the program running between
   * them. */
  #turns = (): void => {
    const { drain } = runtime;
    if (drain === undefined) {
      this.#turn();
      return;
    }
    let left = this.#deferred;
    try {
      for (;;) {
        this.#turn();
        if (--left === 0) return;
        drain();
      }
    } finally {
      /* A poll that has failed must not end the others. */
      if (left > 1) runtime.defer(this.#turns);
    }
  };

  #woken = (): void => {
    if (this.#refs > 0 || this.#deferred > 0 || this.#isClosed) {
      this.kick();
      return;
    }
    /* Without a ref it parks again after every turn. The turn runs at once, so
     * that a wait is parked whenever other code runs. */
    this.#deferred = 1;
    this.#turn();
  };

  #turn(): void {
    this.#deferred--;
    if (this.#isClosed) return;
    if (!this.#isYielding) this.#step();
    if (this.#deferred > 0) return;
    this.#hasSettled = this.#isYielding = false;
    this.#next();
  }

  /* The program may answer from a callback of the runtime, such as setImmediate(),
   * which runs only after the turns that were deferred together. So these do not
   * sleep once one of them has settled something: the answer would wait for it. */
  #step(): void {
    const pace = this.#pace;
    if (this.#hasSettled) {
      this.#isYielding = this.#poll();
      if (!pace.isSleepFirst) pace.count(this.#isYielding);
      return;
    }
    const isSleepFirst = pace.isSleepFirst && !this.#hasMore &&
      !this.allowance.isPending;
    const isEmpty = isSleepFirst || this.#poll();
    pace.count(isEmpty);
    if (isSleepFirst || pace.isSleepDue) this.#waitHere();
    else this.#hasSettled = !isEmpty;
  }

  #waitHere(): void {
    if (this.#events[HEADER_SOCKETS] === 0) return;
    const beganAt = now();
    const isEnded = this.port.waitHere(this.#pace.waitUs);
    this.#pace.waited(now() - beganAt, isEnded);
    if (!isEnded) return;
    this.#pace.restart();
    this.#hasSettled = !this.#poll();
  }

  /* Dequeues and settles. True if there were no records, and nothing is
   * deferred to the next turn. */
  #poll(): boolean {
    const { allowance } = this;
    allowance.begin();
    const events = this.#events;
    const slab = this.slab.room();
    const count = this.port.poll(events, CAPACITY, slab, this.slab.offset);
    /* A datagram may need more room than is left. */
    const isFull = (events[HEADER_FLAGS] & SLAB_FULL) !== 0;
    this.slab.offset = isFull ? SLAB_BYTES : events[HEADER_SLAB_END];
    allowance.polled(count);
    if (count > 0) {
      this.#pace.polled(count === 1 ? events[HEADER_WORDS] : NONE);
      this.slab.beginDispatch(count);
      const chunks = this.#endpoints.dispatch(events, count, slab);
      this.slab.endDispatch(count - chunks);
    }
    /* After the records, so that a result which has come in time counts. */
    if (this.deadlines.length > 0) this.deadlines.expire();
    allowance.end();
    return count === 0 && !this.#hasMore && !allowance.isPending;
  }

  /* The last poll has left something that the next one finds at once. */
  get #hasMore(): boolean {
    return (this.#events[HEADER_FLAGS] & MORE) !== 0;
  }

  /* Decides how the next turn comes. */
  #next(): void {
    if (this.#deferred > 0) return;
    if (this.#events[HEADER_SOCKETS] === 0 && !this.#isResident) {
      this.#parkedWait.idle();
      return;
    }
    /* A deferred turn keeps the process alive, so without a ref every turn
     * parks: only a parked wait can leave it free to end. */
    if (this.#refs > 0 && !this.#pace.isParkDue) this.#defer();
    /* What this turn has left over makes no event, so a wait that is parked
     * already would not end by itself. */
    else this.#park(this.#hasMore ? 0 : this.#waitMs());
  }

  #park(timeoutMs: number): void {
    if (this.#parkedWait.park(timeoutMs)) this.#pace.parked();
  }
}
