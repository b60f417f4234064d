// Copyright the iocp authors. MIT license.
/* A server or a client of tests/interop_test.ts.
 *
 *   echo.ts server                 prints its port, and echoes until it is killed
 *   echo.ts client PORT BYTES N    opens N connections, each of which sends BYTES
 *                                  bytes and compares the echo */

import process from "node:process";
import { type Conn, connect, listen } from "../../mod.ts";
import { digest, pattern } from "../shared/pattern.ts";
import { receiveByLoop } from "../shared/transfer.ts";

async function echo(conn: Conn): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
  conn.close();
}

async function serve(): Promise<void> {
  const options = { hostname: "127.0.0.1", port: 0, allowHalfOpen: true };
  const listener = listen(options);
  console.log(`listening ${listener.addr.port}`);
  for await (const conn of listener) echo(conn);
}

async function exchange(port: number, bytes: number, seed: number) {
  const conn = await connect({ hostname: "127.0.0.1", port });
  const sent = pattern(bytes, seed);
  const received = receiveByLoop(conn);
  await conn.write(sent);
  await conn.closeWrite();
  if (await received !== digest(sent)) throw new Error(`stream ${seed}`);
}

const [, , role, port, bytes, count] = process.argv;
if (role === "server") serve();
else {
  const exchanges = Array.from(
    { length: Number(count) },
    (_, i) => exchange(Number(port), Number(bytes), i + 1),
  );
  await Promise.all(exchanges);
  console.log("done");
}
