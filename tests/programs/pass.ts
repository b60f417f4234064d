// Copyright the iocp authors. MIT license.
/* Sends the address of its inbox to the local socket in its argument, takes the
 * connection or the listener that is passed to it, answers on it, and passes it back.
 * Messages are lines of JSON. */

import { Buffer } from "node:buffer";
import process from "node:process";
import {
  adopt,
  connect,
  dropSocket,
  inboxAddress,
  listen,
  passSocket,
} from "../../mod.ts";
import { type Line, LineReader, writeLine } from "../shared/lines.ts";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const fromBase64 = (text: string) =>
  new Uint8Array(Buffer.from(text, "base64"));

const channel = await connect({ path: process.argv[2]! });
const reader = new LineReader(channel);

async function answer({ ticket, bytes, address }: Line): Promise<void> {
  const conn = adopt({
    ticket: fromBase64(ticket!),
    bytes: fromBase64(bytes!),
  });
  /* The bytes that the parent has received and not read are first. */
  const p = new Uint8Array(100);
  let text = "";
  while (text.length < 6) {
    const count = await conn.read(p);
    text += new TextDecoder().decode(p.subarray(0, count!));
  }
  await conn.write(new TextEncoder().encode(`child got ${text}`));
  const socket = await conn.detach();
  const back = passSocket(socket, fromBase64(address!));
  await writeLine(channel, {
    ticket: base64(back),
    bytes: base64(socket.bytes ?? new Uint8Array()),
  });
  /* The parent has it. */
  await reader.line();
  dropSocket(socket);
}

async function accept({ ticket, address }: Line): Promise<void> {
  const listener = listen({ ticket: fromBase64(ticket!) });
  await writeLine(channel, {});
  const conn = await listener.accept();
  await conn.write(new TextEncoder().encode("child"));
  conn.close();
  const back = listener.pass(fromBase64(address!));
  await writeLine(channel, { ticket: base64(back) });
  await reader.line();
  await listener.stop();
}

await writeLine(channel, { address: base64(inboxAddress()) });
const passed = await reader.line();
await (passed["kind"] === "listener" ? accept(passed) : answer(passed));
channel.close();
console.log("done");
