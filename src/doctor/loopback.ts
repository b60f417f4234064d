// Copyright the iocp authors. MIT license.
/* What the self-tests of transports have in common: their conditions, and bytes
 * that are checked at the other end. */

import { nodeModule } from "../runtime/globals.ts";
import type { CompletionPort, Conn } from "../../mod.ts";
import { type Check, type Context, type Finding, skipped } from "./check.ts";
import { missingHosts } from "./permissions.ts";

interface NodeCrypto {
  createHash(name: "sha256"): {
    update(bytes: Uint8Array): unknown;
    digest(encoding: "hex"): string;
  };
}

/** A self-test on the loopback interface. */
export interface Loopback {
  readonly id: string;
  /** The hosts that need the permission "net". */
  readonly hosts: readonly string[];
  /** Throws when something is wrong. All sockets are on `port`. */
  run(port: CompletionPort, context: Context): Promise<Finding>;
}

/** Makes a check of a self-test. */
export function loopbackCheck({ id, hosts, run }: Loopback): Check {
  return {
    id,
    run(context, defer) {
      if (context.iocp === undefined) return skipped("no library is loaded");
      const missing = missingHosts(context.host, hosts);
      if (missing.length > 0) {
        const flag = `--allow-net=${missing.join(",")}`;
        return skipped("a permission is missing", `run again with ${flag}`);
      }
      const port = new context.iocp.CompletionPort();
      defer(() => port.close());
      return run(port, context);
    },
  };
}

/** A connection over the loopback interface, and its other end. Both may be
 * half-closed. */
export async function pair(
  port: CompletionPort,
  hostname: string,
): Promise<{ conn: Conn; peer: Conn }> {
  const listener = port.listen({ hostname, port: 0, allowHalfOpen: true });
  const accepting = listener.accept();
  accepting.catch(() => {});
  const conn = await port.connect({
    hostname,
    port: listener.addr.port,
    allowHalfOpen: true,
  });
  return { conn, peer: await accepting };
}

/** Makes bytes that do not repeat at the boundaries of buffers. */
export function testBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** The SHA-256 of chunks. */
export class Checksum {
  readonly #hash = nodeModule<NodeCrypto>("node:crypto").createHash("sha256");
  byteLength = 0;

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.byteLength += chunk.length;
  }

  /** Throws unless exactly these bytes were added. */
  requireSame(expected: Uint8Array): void {
    const { byteLength } = this;
    if (byteLength !== expected.length) {
      throw new Error(
        `Cannot echo: ${byteLength} of ${expected.length} bytes came back`,
      );
    }
    const wanted = new Checksum();
    wanted.add(expected);
    if (this.#hash.digest("hex") === wanted.#hash.digest("hex")) return;
    throw new Error(`Cannot echo: ${byteLength} bytes came back changed`);
  }
}

/** Reads a connection to its end. */
export async function readToEnd(conn: Conn): Promise<Checksum> {
  const checksum = new Checksum();
  for await (const chunk of conn) checksum.add(chunk);
  return checksum;
}
