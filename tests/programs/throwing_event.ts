// Copyright the iocp authors. MIT license.
/* An `onEvent` that throws: the program gets the errors, and the bytes arrive. */

import process from "node:process";
import { connect, listen } from "../../mod.ts";

process.on("uncaughtException", ({ message }) => {
  console.log(`uncaught: ${message}`);
});
using listener = listen({
  hostname: "127.0.0.1",
  port: 0,
  onEvent({ type }) {
    throw new Error(type);
  },
});
const accepting = listener.accept();
await using client = await connect(listener.addr);
await client.write(new TextEncoder().encode("hello"));
await client.closeWrite();
let bytes = 0;
for await (const chunk of await accepting) bytes += chunk.length;
await new Promise((resolve) => setTimeout(resolve, 50));
console.log(`${bytes} bytes`);
