// Copyright the iocp authors. MIT license.
/* Makes datagram sockets, and sends, as the arguments say, with this module and
 * with Deno's own sockets, and prints the errors. */

import process from "node:process";
import { type DatagramConn, listenDatagram } from "../../mod.ts";

/** The results: "" or the name and message of the error. */
export interface Result {
  call: string;
  ours: string;
  stock: string;
}

interface Stock {
  listenDatagram: typeof listenDatagram;
}
const { Deno: stock } = globalThis as unknown as { Deno: Stock };
const [ports, path] = JSON.parse(process.argv[2]!) as [
  hosts: string[],
  path: string | undefined,
];

async function outcome(call: () => unknown): Promise<string> {
  try {
    await call();
    return "";
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

const transport = "udp";
const data = new Uint8Array(1);
type Call = (net: Stock) => Promise<unknown>;

async function using(conn: DatagramConn, use: (conn: DatagramConn) => unknown) {
  try {
    await use(conn);
  } finally {
    conn.close();
  }
}

const calls: Record<string, Call> = {};
for (const hostname of ports) {
  calls[`bind ${hostname}`] = async (net) =>
    net.listenDatagram({ hostname, port: 0, transport }).close();
  calls[`send ${hostname}`] = (net) =>
    using(
      net.listenDatagram({ hostname: "127.0.0.1", port: 0, transport }),
      (conn) => conn.send(data, { hostname, port: 9, transport }),
    );
}
if (path !== undefined) {
  calls[`bind ${path}`] = async (net) =>
    net.listenDatagram({ path, transport: "unixpacket" }).close();
}
const results: Result[] = [];
for (const [name, call] of Object.entries(calls)) {
  const ours = await outcome(() => call({ listenDatagram }));
  results.push({ call: name, ours, stock: await outcome(() => call(stock)) });
}
console.log(JSON.stringify(results));
