// Copyright the iocp authors. MIT license.
/* Programs that block, or that others block on, for tests/blocking_test.ts. */

import process from "node:process";
import { connectSync, listen } from "../../mod.ts";
import { delay } from "../shared/deadline.ts";
import { Digest, pattern } from "../shared/pattern.ts";

const local = { hostname: "127.0.0.1", port: 0 };
const [, , name, ...args] = process.argv;

const cases: Record<string, () => unknown> = {
  /* Takes one connection, and says what it got: at first nothing for a while,
   * then piece by piece. */
  slowReader: async () => {
    using listener = listen(local);
    console.log(`listening ${listener.addr.port}`);
    const conn = await listener.accept();
    await delay(300);
    const received = new Digest();
    let pieces = 0;
    for await (const chunk of conn) {
      received.add(chunk);
      if (++pieces % 64 === 0) await delay(1);
    }
    console.log(`received ${received.text()}`);
  },

  /* Sends a piece, and after a while another one. */
  lateWriter: async () => {
    using listener = listen(local);
    console.log(`listening ${listener.addr.port}`);
    for await (const conn of listener) {
      await conn.write(pattern(10));
      await delay(Number(args[0]));
      await conn.write(pattern(10, 1, 10));
      await conn.closeWrite();
      await conn.read(new Uint8Array(1));
      conn.close();
      break;
    }
  },

  /* Everything in one thread, without an event loop. */
  oneThread() {
    const listener = listen(local);
    for (let i = 0; i < 20; i++) {
      const client = connectSync(listener.addr);
      const server = listener.acceptSync();
      client.writeSync(pattern(1000, i));
      const buffer = new Uint8Array(2000);
      const count = server.readSync(buffer)!;
      server.writeSync(buffer.subarray(0, count));
      if (client.readSync(buffer) !== count) throw new Error("not the same");
      server.close();
      if (client.readSync(buffer) !== null) throw new Error("not the end");
      client.close();
    }
    listener.close();
    console.log("done");
  },

  /* What is left open must not hold the process, for it is unref'd. */
  leftOpen() {
    const listener = listen(local);
    const client = connectSync(listener.addr);
    const server = listener.acceptSync();
    client.writeSync(pattern(10));
    console.log(`read ${server.readSync(new Uint8Array(20))}`);
    for (const one of [listener, client, server]) one.unref();
  },
};

await cases[name!]!();
