// Copyright the iocp authors. MIT license.
/* Makes the calls of its argument, in JSON, both here and with the runtime's
 * own sockets, and says which errors they give. */

import process from "node:process";
import { connect, connectSync, listen } from "../../mod.ts";

/** One call. */
export interface Call {
  name: "listen" | "connect" | "connectSync";
  hostname: string;
  port: number;
}

/** What it gave: "" or the error's name and message. */
export interface Result {
  ours: string;
  stock: string;
}

type Options = Pick<Call, "hostname" | "port">;
interface Stock {
  listen(options: Options): { close(): void };
  connect(options: Options): Promise<{ close(): void }>;
}
const { Deno: stock } = globalThis as unknown as { Deno: Stock };

async function outcome(
  call: () => { close(): void } | Promise<{ close(): void }>,
): Promise<string> {
  try {
    (await call()).close();
    return "";
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

async function compare({ name, ...options }: Call): Promise<Result> {
  const ours = { listen, connect, connectSync }[name];
  const theirs = name === "listen" ? stock.listen : stock.connect;
  return {
    ours: await outcome(() => ours(options)),
    stock: await outcome(() => theirs(options)),
  };
}

const calls = JSON.parse(process.argv[2]!) as Call[];
const results: Result[] = [];
for (const call of calls) results.push(await compare(call));
console.log(JSON.stringify(results));
