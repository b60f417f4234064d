// Copyright the iocp authors. MIT license.
/* The arguments of a listen(), checked. */

import { requirePort, requireSignal, toNumber } from "./arguments.ts";
import { wrongArgValue } from "./net_error.ts";
import type { Signal } from "../runtime/web_types.ts";

/** Where a server listens, and how. */
export interface ListenRequest {
  readonly port: number;
  /** To look up. */
  readonly host: string | undefined;
  /** Found for the host. */
  readonly address: string | undefined;
  readonly path: string | undefined;
  readonly fd: number | undefined;
  readonly backlog: number | undefined;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
  /** Of a path: who may connect besides the user. */
  readonly readableAll: boolean;
  readonly writableAll: boolean;
  readonly signal: Signal | undefined;
}

type Options = Record<string, unknown>;

/** Checks the options that the arguments of listen() were made to. */
export function listenRequest(
  given: Options,
  args: readonly unknown[],
): ListenRequest {
  let { port } = given;
  const { path, fd, host, signal } = given;
  if (signal !== undefined) requireSignal("options.signal", signal);
  const [first, second, third] = args;
  const request = {
    port: 0,
    host: undefined,
    address: undefined,
    path: undefined,
    fd: undefined,
    backlog: backlogOf(given, second, third),
    ipv6Only: given["ipv6Only"] === true,
    reusePort: given["reusePort"] === true,
    readableAll: Boolean(given["readableAll"]),
    writableAll: Boolean(given["writableAll"]),
    signal: signal as Signal | undefined,
  };
  if (typeof fd === "number" && fd >= 0) return { ...request, fd };
  const isWithout = args.length === 0 || typeof first === "function" ||
    port === undefined && "port" in given || port === null;
  if (isWithout) port = 0;
  if (typeof port === "number" || typeof port === "string") {
    const number = requirePort("options.port", port);
    return { ...request, port: number, host: host ? String(host) : undefined };
  }
  if (typeof path === "string" && path !== "" && toNumber(path) === false) {
    return { ...request, path };
  }
  const isMissing = !("port" in given) && !("path" in given);
  throw wrongArgValue(
    "options",
    given,
    isMissing ? 'must have the property "port" or "path"' : undefined,
  );
}

/* Of the options, or of the arguments (port, backlog) or (port, host, backlog). */
function backlogOf(
  given: Options,
  second: unknown,
  third: unknown,
): number | undefined {
  const backlog = given["backlog"] || toNumber(second) || toNumber(third);
  return typeof backlog === "number" && backlog > 0 ? backlog : undefined;
}
