// Copyright the iocp authors. MIT license.
/* The deadlines of a thread's operations. They need no timer of the runtime: the
 * loop checks the nearest one after each poll, and its parked wait lasts no longer
 * than until then. So the calls that have none cost nothing, a test runner sees no
 * timer, and whatever keeps the process alive for the operation serves its deadline
 * too. */

import { now } from "../runtime/globals.ts";

/** The value of {@linkcode Deadline.place} outside of the heap. */
export const UNSET = -1;

/** What happens at a certain time. */
export interface Deadline {
  /** When, by now(). */
  at: number;
  /** Where it is in the heap, which maintains it; {@linkcode UNSET} elsewhere. */
  place: number;
  /** Called once, when the time has passed. It must not run user code. */
  expire(): void;
}

/** The deadlines of one loop, in a binary heap: those of calls with one timeout
 * come in order, so adding one is mostly a single step. */
export class Deadlines {
  readonly #heap: Deadline[] = [];
  readonly #onNearer: () => void;

  /** `onNearer` is called when a deadline becomes the nearest one. */
  constructor(onNearer: () => void) {
    this.#onNearer = onNearer;
  }

  get length(): number {
    return this.#heap.length;
  }

  /** When the nearest one is due, by now(). */
  get nextAt(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.at;
  }

  /** Adds one that is due in `ms` milliseconds. */
  add(deadline: Deadline, ms: number): void {
    deadline.at = now() + ms;
    deadline.place = this.#heap.length;
    this.#heap.push(deadline);
    this.#rise(deadline);
    if (deadline.place === 0) this.#onNearer();
  }

  /** Removes one, if it is there. */
  remove(deadline: Deadline): void {
    const heap = this.#heap;
    const { place } = deadline;
    if (place === UNSET) return;
    deadline.place = UNSET;
    const last = heap.pop()!;
    if (last === deadline) return;
    last.place = place;
    heap[place] = last;
    this.#rise(last);
    this.#sink(last);
  }

  /** Expires those that are due. */
  expire(): void {
    const time = now();
    while (this.nextAt <= time) {
      const deadline = this.#heap[0]!;
      this.remove(deadline);
      deadline.expire();
    }
  }

  #rise(deadline: Deadline): void {
    const heap = this.#heap;
    let { place } = deadline;
    while (place > 0) {
      const parentPlace = (place - 1) >> 1;
      const parent = heap[parentPlace]!;
      if (parent.at <= deadline.at) break;
      parent.place = place;
      heap[place] = parent;
      place = parentPlace;
    }
    deadline.place = place;
    heap[place] = deadline;
  }

  #sink(deadline: Deadline): void {
    const heap = this.#heap;
    let { place } = deadline;
    for (;;) {
      let childPlace = 2 * place + 1;
      if (childPlace >= heap.length) break;
      const right = childPlace + 1;
      if (right < heap.length && heap[right]!.at < heap[childPlace]!.at) {
        childPlace = right;
      }
      const child = heap[childPlace]!;
      if (child.at >= deadline.at) break;
      child.place = place;
      heap[place] = child;
      place = childPlace;
    }
    deadline.place = place;
    heap[place] = deadline;
  }
}
