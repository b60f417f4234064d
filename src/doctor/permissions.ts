// Copyright the iocp authors. MIT license.
import type { Host, Permission } from "../runtime/host.ts";
import type { Check, Finding } from "./check.ts";

/** The hosts of the self-tests. */
export const HOSTS = ["127.0.0.1", "[::1]", "localhost"] as const;

/* Without the first two the module does nothing. The library of a checkout
 * needs no more; the embedded one is extracted, which needs the next three. The
 * last two only make the report more complete. */
const NEEDS: Readonly<Record<Permission["name"], string>> = {
  ffi: "to load the library",
  net: "to listen and connect",
  env: "to find the cache folder of the user",
  read: "to find and check the library",
  write: "to extract the library once",
  sys: "to report the version of the system",
  run: "to report more about Windows",
};
const REQUIRED: readonly string[] = ["ffi", "net"];

/** Returns the hosts of the self-tests that may not be used. */
export function missingHosts(host: Host, hosts: readonly string[]): string[] {
  return hosts.filter((name) =>
    host.permission({ name: "net", host: name }) !== "granted"
  );
}

/** What the runtime allows. Asks the runtime, never the user. */
export const permissionsCheck: Check = {
  id: "permissions",
  run({ host, iocp }): Finding {
    if (!host.hasPermissions) {
      return { status: "ok", summary: `${host.name} has no permissions` };
    }
    const states = Object.fromEntries(
      Object.keys(NEEDS).map((name) => [
        name,
        host.permission({ name } as Permission),
      ]),
    ) as Record<Permission["name"], string>;
    const isPartial = missingHosts(host, HOSTS).length < HOSTS.length;
    if (states.net !== "granted" && isPartial) states.net = "partial";
    if (states.ffi !== "granted" && iocp !== undefined) states.ffi = "partial";
    const missing = Object.keys(NEEDS).filter((name) =>
      states[name as Permission["name"]] !== "granted"
    );
    if (missing.length === 0) {
      return { status: "ok", summary: "all are granted", facts: states };
    }
    const flags = missing.map((name) => `--allow-${name}`).join(" ");
    const isFailed = missing.some((name) =>
      REQUIRED.includes(name) && states[name as "net"] !== "partial"
    );
    return {
      status: isFailed ? "failed" : "warning",
      summary: `not granted: ${missing.join(", ")}`,
      advice: [
        ...missing.map((name) =>
          `--allow-${name} is needed ${NEEDS[name as Permission["name"]]}`
        ),
        `run again with ${flags}, or with -A`,
      ],
      facts: states,
    };
  },
};
