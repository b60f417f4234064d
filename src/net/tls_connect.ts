// Copyright the iocp authors. MIT license.
/* tls.connect() over a socket of this folder. The addresses, ref(), setNoDelay() and
 * so on of the TLSSocket are those of that socket: src/views/tls_members.ts. */

import { connect, type NetSocket } from "./socket.ts";
import { nodeModule } from "../runtime/globals.ts";
import { normalizeArgs } from "./arguments.ts";
import type { EventListener } from "../runtime/node_types.ts";

export type Options = Record<string, unknown>;

/** A `TLSSocket`, by what is used of it. */
export interface TlsStream extends NetSocket {
  readonly alpnProtocol: string | false | null;
}

interface Tls {
  connect(options: Options, listener?: EventListener): TlsStream;
}

/** The options of any signature of `tls.connect()`: `(options)`, `(path, options)`
 * and `(port, host, options)`. */
export function tlsOptions(args: readonly unknown[]): Options {
  const given = args.filter((value) => typeof value === "object");
  return Object.assign({}, normalizeArgs(args)[0], ...given) as Options;
}

/** The same options with a socket that connects, unless they have one. */
export function withSocket(options: Options): Options {
  if (options["socket"]) return options;
  /* These two are about the plaintext. */
  const { timeout: _, onread: __, ...own } = options;
  return { ...options, socket: connect(own) };
}

/** Sets the option `timeout`, which Deno does not over a given socket. */
export function applyTimeout(stream: TlsStream, { timeout }: Options): void {
  if (timeout && !stream.timeout) stream.setTimeout(timeout as number);
}

/** `tls.connect()`. */
export function connectTls(...args: unknown[]): TlsStream {
  const options = tlsOptions(args);
  const [, callback] = normalizeArgs(args);
  const { connect: secure } = nodeModule<Tls>("node:tls");
  const stream = secure(withSocket(options), callback ?? undefined);
  applyTimeout(stream, options);
  return stream;
}
