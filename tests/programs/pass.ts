// Copyright the iocp authors. MIT license.
/* Sends the address of its inbox to the local socket in its argument, takes the
 * connection that is passed to it, answers on it, and passes it back. Messages are
 * lines of JSON. */

import { Buffer } from "node:buffer";
import process from "node:process";
import { adopt, connect, dropSocket, inboxAddress } from "../../mod.ts";
import { passSocket } from "../../mod.ts";
import { LineReader, writeLine } from "../shared/lines.ts";

const channel = await connect({ path: process.argv[2]! });
const reader = new LineReader(channel);
await writeLine(channel, {
  address: Buffer.from(inboxAddress()).toString("base64"),
});
const { ticket, bytes, address } = await reader.line();
const conn = adopt({
  ticket: new Uint8Array(Buffer.from(ticket!, "base64")),
  bytes: new Uint8Array(Buffer.from(bytes!, "base64")),
});
/* The byte that the parent has received and not read is first. */
const p = new Uint8Array(100);
let text = "";
while (text.length < 6) {
  const count = await conn.read(p);
  text += new TextDecoder().decode(p.subarray(0, count!));
}
await conn.write(new TextEncoder().encode(`child got ${text}`));
const socket = await conn.detach();
const back = passSocket(
  socket,
  new Uint8Array(Buffer.from(address!, "base64")),
);
await writeLine(channel, {
  ticket: Buffer.from(back).toString("base64"),
  bytes: Buffer.from(socket.bytes ?? []).toString("base64"),
});
/* The parent has it. */
await reader.line();
dropSocket(socket);
channel.close();
console.log("done");
