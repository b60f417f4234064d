// Copyright the iocp authors. MIT license.
/* Takes parts of a listener with and without Deno's permission, and prints the
 * errors. */

import { listen } from "../../mod.ts";

const { permissions } = (globalThis as unknown as {
  Deno: { permissions: { revokeSync(of: { name: string }): unknown } };
}).Deno;
const { port, share } = withShare();

function withShare() {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  listener.unref();
  return { port: listener.addr.port, share: listener.share() };
}

function outcome(): string {
  try {
    using part = listen({ share });
    return (part.addr as { port: number }).port === port
      ? "listening"
      : "wrong";
  } catch (error) {
    return (error as Error).name;
  }
}

const before = outcome();
permissions.revokeSync({ name: "net" });
console.log(before, outcome());
