// Copyright the iocp authors. MIT license.
/* The calls of `onEvent`. Events happen while a turn or a call of the program changes
 * a connection, and no code of the program may run then. So they are kept until it is
 * done: they are delivered by a microtask, in their order and before anything that is
 * no promise callback, and between the turns of a blocking call. */

import { queueMicrotask } from "../runtime/globals.ts";
import type { ConnEvent, EventListener } from "./events.ts";

interface Due {
  readonly listener: EventListener;
  readonly event: ConnEvent;
}

const due: Due[] = [];
let next = 0;

/** Calls `listener` with the event as soon as code of the program may run. */
export function deliverSoon(listener: EventListener, event: ConnEvent): void {
  if (due.push({ listener, event }) === 1) queueMicrotask(deliver);
}

/** Delivers what has happened. A listener may make a blocking call, which delivers
 * the rest before the listener has returned. */
export function deliver(): void {
  while (next < due.length) {
    const { listener, event } = due[next++]!;
    call(listener, event);
  }
  due.length = next = 0;
}

/* The error is the program's, and not of the call or turn that had the event: it is
 * uncaught, as that of a listener of an EventTarget. */
function call(listener: EventListener, event: ConnEvent): void {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
