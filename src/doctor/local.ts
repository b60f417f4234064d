// Copyright the iocp authors. MIT license.
/* The self-tests of local sockets. */

import type { CompletionPort } from "../../mod.ts";
import { nodeModule, now, randomUUID } from "../runtime/globals.ts";
import type { Host, Permission } from "../runtime/host.ts";
import { type Check, type Context, type Finding, skipped } from "./check.ts";
import { testBytes } from "./checksum.ts";
import { readToEnd } from "./loopback.ts";
import { reportedError } from "./report.ts";

const ECHO_BYTES = 2 ** 20;

/* The permissions for the path that are not granted. */
function missing(host: Host, path: string): string[] {
  const permissions: Permission[] = [
    { name: "read", path },
    { name: "write", path },
    { name: "net", host: `unix:${path}` },
  ];
  return permissions.filter((permission) =>
    host.permission(permission) !== "granted"
  ).map(({ name }) => `--allow-${name}`);
}

/* Sends 1 MiB to the listener, which closes, and compares what has come. */
async function exchange(port: CompletionPort, path: string): Promise<Finding> {
  const listener = port.listen({ path });
  const accepting = listener.accept();
  accepting.catch(() => {});
  const conn = await port.connect({ path });
  const peer = await accepting;
  const bytes = testBytes(ECHO_BYTES);
  const started = now();
  const writing = peer.write(bytes).then(() => peer.close());
  const [received] = await Promise.all([readToEnd(conn), writing]);
  received.requireSame(bytes);
  const ms = now() - started;
  listener.close();
  return {
    status: "ok",
    summary: `1 MiB came unchanged in ${ms.toFixed(0)} ms`,
    facts: { bytes: ECHO_BYTES, ms: Math.round(ms * 10) / 10 },
  };
}

function lacks(flags: readonly string[]): Finding {
  const advice = `run again with ${flags.join(" ")}`;
  return skipped("a permission is missing", advice);
}

/* `pathOf` returns undefined where the path cannot be found out. */
function localCheck(
  id: string,
  pathOf: (context: Context, name: string) => string | undefined,
): Check {
  return {
    id,
    async run(context, defer) {
      const { iocp, host, isWindows } = context;
      if (iocp === undefined) return skipped("no library is loaded");
      if (id === "pipe" && !isWindows) {
        return skipped("Linux has no named pipes");
      }
      const path = pathOf(context, `iocp-doctor-${randomUUID()}`);
      if (path === undefined) return lacks(["--allow-env"]);
      const flags = missing(host, path);
      if (flags.length > 0) return lacks(flags);
      const port = new iocp.CompletionPort();
      defer(() => port.close());
      try {
        return await exchange(port, path);
      } catch (error) {
        if (!(error instanceof iocp.NotSupported)) throw error;
        const reason = "this system has no unix sockets";
        return { ...skipped(reason), error: reportedError(error) };
      }
    },
  };
}

/* In the folder for temporary files, since it is removed at once. */
function unixPath(
  { isWindows, host }: Context,
  name: string,
): string | undefined {
  if (!isWindows) return `/tmp/${name}`;
  if (host.permission({ name: "env" }) !== "granted") return undefined;
  const { tmpdir } = nodeModule<{ tmpdir(): string }>("node:os");
  return `${tmpdir()}\\${name}`;
}

/** Unix sockets and named pipes. */
export const localChecks: readonly Check[] = [
  localCheck("unix", unixPath),
  localCheck("pipe", (_, name) => `\\\\.\\pipe\\${name}`),
];
