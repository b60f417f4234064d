// Copyright the iocp authors. MIT license.
/* Listens on and connects to the path in its argument, with this module and with
 * Deno's own sockets, and prints the errors. */

import process from "node:process";
import { connect, connectSync, listen } from "../../mod.ts";

/** The results of a call: "" or the name and message of the error. */
export interface Result {
  call: string;
  ours: string;
  stock: string;
}

interface Options {
  transport: "unix";
  path: string;
}
interface Stock {
  listen(options: Options): { close(): void };
  connect(options: Options): Promise<{ close(): void }>;
}
const { Deno: stock } = globalThis as unknown as { Deno: Stock };

type Closing = { close(): void } | Promise<{ close(): void }>;
type Call<O> = (options: O) => Closing;

async function outcome(call: () => Closing): Promise<string> {
  try {
    (await call()).close();
    return "";
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

const path = JSON.parse(process.argv[2]!) as string;
/* Deno has no calls of its own for named pipes. */
const options = { transport: "unix" as const, path };
const ownOptions = { path };
const calls: Record<
  string,
  [ours: Call<{ path: string }>, stock: Call<Options>]
> = {
  connect: [connect, stock.connect],
  connectSync: [connectSync, stock.connect],
  listen: [listen, stock.listen],
};
const results: Result[] = [];
for (const [call, [ours, theirs]] of Object.entries(calls)) {
  results.push({
    call,
    ours: await outcome(() => ours(ownOptions)),
    stock: await outcome(() => theirs(options)),
  });
}
console.log(JSON.stringify(results));
