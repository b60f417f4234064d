// Copyright the iocp authors. MIT license.
/* Sends the file in its argument with this module, and opens it with Deno's own call;
 * prints both outcomes. */

import process from "node:process";
import { connect, listen } from "../../mod.ts";

const { Deno: stock } = globalThis as unknown as {
  Deno: { open(path: string): Promise<{ close(): void }> };
};

async function outcome(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return "";
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

const path = JSON.parse(process.argv[2]!) as string;
using listener = listen({ hostname: "127.0.0.1", port: 0 });
using conn = await connect(listener.addr);
const ours = await outcome(() => conn.sendFile(path));
const own = await outcome(async () => (await stock.open(path)).close());
console.log(JSON.stringify({ ours, own }));
