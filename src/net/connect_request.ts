// Copyright the iocp authors. MIT license.
/* The options of a connect(), checked. */

import type { AddressFilter } from "../options/address_filter.ts";
import {
  optionalBlockList,
  requireBoolean,
  requireFunction,
  requireNumber,
  requirePort,
  requireString,
} from "./arguments.ts";
import {
  attemptTimeout,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
} from "./auto_select.ts";
import { type Lookup, runtimeNet } from "./node_parts.ts";
import { noDestination, notAnIp, wrongArgType } from "./net_error.ts";

/** Where a socket connects to, and how. */
export interface ConnectRequest {
  readonly path: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** As the option has it. */
  readonly family: unknown;
  readonly hints: number;
  readonly lookup: Lookup | undefined;
  /** Whether several addresses of the name are tried. */
  readonly isMultiple: boolean;
  /** Of one attempt, in milliseconds. */
  readonly attemptTimeout: number;
  readonly blockList: AddressFilter | undefined;
}

/** The number of a family for a look-up; 0 is both. */
export function dnsFamily(family: unknown): unknown {
  if (family === "IPv4") return 4;
  return family === "IPv6" ? 6 : family || 0;
}

/** Checks what a user passed to connect(). */
export function connectRequest(
  options: Record<string, unknown>,
  blockList: AddressFilter | undefined,
): ConnectRequest {
  const { path, port, host = "localhost", localAddress, localPort } = options;
  if (path) requireString("options.path", path);
  else if (port === undefined && (path === undefined || path === null)) {
    throw noDestination();
  }
  if (localAddress && runtimeNet.isIP(localAddress) === 0) {
    throw notAnIp(localAddress);
  }
  if (localPort) requireNumber("options.localPort", localPort);
  const { lookup, autoSelectFamily, autoSelectFamilyAttemptTimeout } = options;
  if (lookup !== undefined && lookup !== null) {
    requireFunction("options.lookup", lookup);
  }
  if (autoSelectFamily !== undefined && autoSelectFamily !== null) {
    requireBoolean("options.autoSelectFamily", autoSelectFamily);
  }
  if (!path && host !== null) requireString("options.host", host);
  const timeout = autoSelectFamilyAttemptTimeout === undefined ||
      autoSelectFamilyAttemptTimeout === null
    ? getDefaultAutoSelectFamilyAttemptTimeout()
    : attemptTimeout(
      "options.autoSelectFamilyAttemptTimeout",
      autoSelectFamilyAttemptTimeout,
    );
  const family = dnsFamily(options["family"]);
  return {
    path: path ? path as string : undefined,
    host: String(host || "localhost"),
    port: path ? 0 : checkedPort(port),
    localAddress: localAddress ? localAddress as string : undefined,
    localPort: localPort ? localPort as number : undefined,
    family,
    hints: Number(options["hints"] ?? 0),
    lookup: (lookup ?? undefined) as Lookup | undefined,
    isMultiple: Boolean(autoSelectFamily ?? getDefaultAutoSelectFamily()) &&
      family !== 4 && family !== 6 && !localAddress,
    attemptTimeout: timeout,
    blockList: optionalBlockList("options.blockList", options["blockList"]) ??
      blockList,
  };
}

function checkedPort(port: unknown): number {
  if (typeof port !== "number" && typeof port !== "string") {
    throw wrongArgType("options.port", ["number", "string"], port);
  }
  return requirePort("Port", port);
}
