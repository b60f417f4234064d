// Copyright the iocp authors. MIT license.

import type { Addressed } from "./packed_send.ts";
import type { DatagramAddr } from "./address.ts";
import type { Destinations } from "./destinations.ts";
import type { OutgoingDatagram } from "./datagram.ts";
import {
  requireBytes,
  requireOptions,
  wrongType,
} from "../options/validate.ts";

/**
 * Checks what a user passed to sendMany(), and finds the destinations; a promise
 * when there are host names among them.
 *
 * The names of arguments are made for errors alone: making them would cost as much
 * as everything else here.
 */
export function addressAll<A extends DatagramAddr>(
  destinations: Destinations,
  datagrams: Iterable<OutgoingDatagram<A>>,
): Addressed[] | Promise<Addressed[]> {
  const isIterable = typeof datagrams === "object" && datagrams !== null &&
    typeof datagrams[Symbol.iterator] === "function";
  if (!isIterable) {
    wrongType("datagrams", "an iterable of datagrams", datagrams);
  }
  const all: Addressed[] = [];
  const lookUps: Promise<void>[] = [];
  /* Mostly all have one destination: the last one that cannot change. */
  let last: object | undefined;
  let known: Uint8Array | undefined;
  for (const datagram of datagrams) {
    const i = all.length;
    if (typeof datagram !== "object" || datagram === null) {
      requireOptions(datagram, `datagrams[${i}]`);
    }
    const { data, addr } = datagram;
    if (!(data instanceof Uint8Array)) {
      requireBytes(`datagrams[${i}].data`, data);
    }
    if (addr !== undefined && addr !== last) {
      known = destinations.known(addr);
      last = known && addr;
    }
    const to = addr === undefined ? null : known ?? destinations.again(addr) ??
      destinations.find(`datagrams[${i}].addr`, addr);
    if (to === null || to instanceof Uint8Array) all.push({ data, to });
    else {
      all.push({ data, to: null });
      const lookUp = to.then((struct) => {
        all[i] = { data, to: struct };
      });
      /* A later datagram may be wrong. */
      lookUp.catch(() => {});
      lookUps.push(lookUp);
    }
  }
  return lookUps.length === 0 ? all : Promise.all(lookUps).then(() => all);
}
