// Copyright the iocp authors. MIT license.
/* Multicast groups of this system. */

import assert from "node:assert/strict";
import process from "node:process";
import { CompletionPort, SocketError } from "../../mod.ts";

/** A group that the tests use. */
export const group = "239.255.7.7";

/** The index of the loopback interface: 1 on Linux and on Windows. */
export const LOOPBACK_INDEX = 1;

/** Why this system has no groups, or false: Wine passes the index of an interface to
 * Linux as if it were an address. */
export const noGroups: string | false = probeGroups();

function probeGroups(): string | false {
  using port = new CompletionPort();
  try {
    port.bind({ port: 0 }).joinMulticast(group, { interface: LOOPBACK_INDEX });
    return false;
  } catch (error) {
    const isWindows = process.platform === "win32";
    assert.ok(isWindows && error instanceof SocketError, `${error}`);
    assert.equal(error.code, "EINVAL");
    return error.message;
  }
}

/** The same for an example, which may use none. */
export function lacksGroups(code: string): string | false {
  return code.includes("joinMulticast") && noGroups;
}
