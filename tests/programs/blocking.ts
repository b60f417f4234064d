// Copyright the iocp authors. MIT license.
/* Programs that block, or whose peers block, for tests/blocking_test.ts. */

import process from "node:process";
import { connectSync, listen } from "../../mod.ts";
import { delay } from "../shared/deadline.ts";
import { Digest, pattern } from "../shared/pattern.ts";

const local = { hostname: "127.0.0.1", port: 0 };
const [, , name, ...args] = process.argv;

const cases: Record<string, () => unknown> = {
  /* Accepts a connection and reads slowly after a pause. Prints the digest. */
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

  /* Sends 10 bytes, and after a pause 10 more. */
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

  /* Both ends in one thread, without a turn of the event loop. */
  oneThread() {
    const listener = listen(local);
    for (let i = 0; i < 20; i++) {
      const client = connectSync(listener.addr);
      const server = listener.acceptSync();
      client.writeSync(pattern(1000, i));
      const buffer = new Uint8Array(2000);
      const count = server.readSync(buffer)!;
      server.writeSync(buffer.subarray(0, count));
      if (client.readSync(buffer) !== count) throw new Error("wrong length");
      server.close();
      if (client.readSync(buffer) !== null) throw new Error("no end");
      client.close();
    }
    listener.close();
    console.log("done");
  },

  /* Open sockets that are unref'd must not keep the process alive. */
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
