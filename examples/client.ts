// Copyright the iocp authors. MIT license.
// Sends a line to a server such as examples/echo.ts and prints the answer:
//   deno run --allow-ffi --allow-net examples/client.ts --port 8080 hello
//   bun examples/client.ts --port 8080 hello

import process from "node:process";
import { parseArgs } from "node:util";
import { connect } from "iocp";

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8080" },
  },
});

const conn = await connect({
  hostname: values.hostname,
  port: Number(values.port),
  timeout: 5_000,
});
const line = positionals.join(" ") || "hello";
await conn.write(new TextEncoder().encode(line));
await conn.closeWrite();

const decoder = new TextDecoder();
let answer = "";
for await (const chunk of conn) {
  answer += decoder.decode(chunk, { stream: true });
}
console.log(answer);
