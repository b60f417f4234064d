// Copyright the iocp authors. MIT license.
/* Multicast groups of this system. */

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import process from "node:process";
import { CompletionPort, SocketError } from "../../mod.ts";

/** A group that the tests use. */
export const group = "239.255.7.7";

/** The index of the loopback interface: 1 on Linux and on Windows. */
export const LOOPBACK_INDEX = 1;

/** An interface that leads to other machines: on Linux the loopback interface has no
 * route for groups of IPv6, and delivers its datagrams whatever `multicastLoop` is. */
export const outside: { index: number; address: string } | undefined =
  findOutside();

/** Why a test has no such interface, or false. */
export const noOutside: string | false = outside === undefined &&
  "npm test makes an interface with a link-local address";

function findOutside(): typeof outside {
  for (const list of Object.values(networkInterfaces())) {
    const ipv4 = list!.find(({ family, internal }) =>
      family === "IPv4" && !internal
    );
    /* The zone of a link-local address is the index of its interface. */
    const local = list!.find(({ address }) => address.startsWith("fe80:"));
    if (ipv4 === undefined || !local?.scopeid) continue;
    return { index: local.scopeid, address: ipv4.address };
  }
  return undefined;
}

/** Why a membership cannot be limited to a source, or false: Wine passes the members
 * of Windows' IP_MREQ_SOURCE to Linux, which has them in another order. It takes the
 * source for the address of an interface, which none has here (RFC 5737). */
export const noSources: string | false = probeSources();

function probeSources(): string | false {
  using port = new CompletionPort();
  const options = { interface: LOOPBACK_INDEX, source: "192.0.2.99" };
  try {
    port.bind({ port: 0 }).joinMulticast("232.1.1.1", options);
    return false;
  } catch (error) {
    const isWindows = process.platform === "win32";
    assert.ok(isWindows && error instanceof SocketError, `${error}`);
    assert.equal(error.code, "EINVAL");
    return error.message;
  }
}
