// Copyright the iocp authors. MIT license.
/* Makes the calls in its argument, which is JSON, with this module and with Deno's
 * own sockets, and prints their errors. */

import process from "node:process";
import { connect, connectSync, listen } from "../../mod.ts";

/** One call. */
export interface Call {
  name: "listen" | "connect" | "connectSync";
  hostname: string;
  port: number;
}

/** Their results: "" or the name and message of the error. */
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

type Closing = { close(): void } | Promise<{ close(): void }>;

async function outcome(call: () => Closing): Promise<string> {
  try {
    (await call()).close();
    return "";
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

async function compare({ name, ...options }: Call): Promise<Result> {
  const ours: (options: Options) => Closing = {
    listen,
    connect,
    connectSync,
  }[name];
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
