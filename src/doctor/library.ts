// Copyright the iocp authors. MIT license.
import {
  type Check,
  type Context,
  failure,
  type Finding,
  type Module,
  skipped,
} from "./check.ts";
import { nodeModule } from "../runtime/globals.ts";
import type { Facts } from "./report.ts";

interface NodeFs {
  readFileSync(path: string): Uint8Array;
}
interface NodeCrypto {
  createHash(name: "sha256"): {
    update(bytes: Uint8Array): { digest(encoding: "hex"): string };
  };
}

function hashOf(path: string): string {
  const bytes = nodeModule<NodeFs>("node:fs").readFileSync(path);
  const { createHash } = nodeModule<NodeCrypto>("node:crypto");
  return createHash("sha256").update(bytes).digest("hex");
}

function engineOf(iocp: Module): string {
  const port = new iocp.CompletionPort();
  try {
    return port.engine;
  } finally {
    port.close();
  }
}

/* The modules are imported only here, since their import throws in a runtime
 * that they do not support. */
async function load(context: Context): Promise<Finding> {
  const { loadLibraryIfGranted, expectedHash } = await import(
    "../native/library.ts"
  );
  const { ABI } = await import("../native/symbols.ts");
  const { path } = loadLibraryIfGranted();
  context.iocp = await import("../../mod.ts");
  const engine = engineOf(context.iocp);
  const expected = expectedHash() ?? null;
  const { host } = context;
  const mayRead = host.permission({ name: "read", path }) === "granted";
  const sha256 = mayRead ? hashOf(path) : null;
  const facts: Facts = {
    path,
    sha256,
    expectedSha256: expected,
    abi: ABI,
    engine,
  };
  const summary = `${engine}, ABI ${ABI}, ${path}`;
  if (sha256 === null) {
    const advice = ["--allow-read is needed to compare its hash"];
    return { status: "warning", summary, advice, facts };
  }
  if (sha256 === expected) return { status: "ok", summary, facts };
  return {
    status: "warning",
    summary: `${summary}: not the build that this module embeds`,
    advice: ["unset IOCP_LIBRARY to use the embedded library"],
    facts,
  };
}

/** Loads the library, without asking the user for anything. */
export const libraryCheck: Check = {
  id: "library",
  async run(context): Promise<Finding> {
    const { host } = context;
    try {
      return await load(context);
    } catch (error) {
      const isGranted = host.permission({ name: "ffi" }) === "granted";
      if (isGranted || !host.hasPermissions) return failure(error, context);
      return skipped("the permissions are missing");
    }
  },
};
