// Copyright the iocp authors. MIT license.
// Shows an activity in the Discord client of this machine while it runs:
//   bun examples/discord_presence.ts CLIENT_ID "In the lobby" "2 of 4 players"
// In Deno: deno run -A examples/discord_presence.ts ...
// The protocol: https://docs.discord.com/developers/topics/rpc

import { randomUUID } from "node:crypto";
import process from "node:process";
import { type Conn, connect, type PathAddr } from "iocp";

const HANDSHAKE = 0, FRAME = 1, CLOSE = 2, PING = 3, PONG = 4;
const LENGTH_MAX = 1_000_000;

const [clientId, details, state] = process.argv.slice(2);
const { DISCORD_INSTANCE_ID, XDG_RUNTIME_DIR, TMPDIR, TMP, TEMP } = process.env;
const name = `discord-ipc-${DISCORD_INSTANCE_ID ?? 0}`;
const folder = XDG_RUNTIME_DIR ?? TMPDIR ?? TMP ?? TEMP ?? "/tmp";
const path = process.platform === "win32"
  ? `\\\\?\\pipe\\${name}`
  : `${folder}/${name}`;

/** Reads exactly `length` bytes; null at the end of the connection. */
async function readExactly(conn: Conn<PathAddr>, length: number) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await conn.read(bytes.subarray(at));
    if (count === null) return null;
    at += count;
  }
  return bytes;
}

/** Messages: the operation and the length, each 32 bits, and the text. */
async function* messages(conn: Conn<PathAddr>) {
  for (let head; (head = await readExactly(conn, 8)) !== null;) {
    const view = new DataView(head.buffer);
    const length = view.getUint32(4, true);
    if (length > LENGTH_MAX) throw new RangeError("Too long a message");
    const text = await readExactly(conn, length);
    if (text === null) throw new Error("Discord has closed inside a message");
    yield { operation: view.getUint32(0, true), text };
  }
}

async function send(conn: Conn<PathAddr>, operation: number, text: Uint8Array) {
  const message = new Uint8Array(8 + text.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, operation, true);
  view.setUint32(4, text.length, true);
  message.set(text, 8);
  await conn.write(message);
}

const encode = (value: unknown) =>
  new TextEncoder().encode(JSON.stringify(value));

using conn = await connect({ path, timeout: 5_000 });
await send(conn, HANDSHAKE, encode({ v: 1, client_id: clientId }));
for await (const { operation, text } of messages(conn)) {
  const value = JSON.parse(new TextDecoder().decode(text));
  if (operation === PING) await send(conn, PONG, text);
  else if (operation === CLOSE) throw new Error(value.message);
  else if (operation !== FRAME) throw new Error(`Operation ${operation}`);
  else if (value.evt === "ERROR") throw new Error(value.data.message);
  else if (value.evt === "READY") {
    console.log(`connected as ${value.data.user.username}`);
    const args = { pid: process.pid, activity: { details, state } };
    const nonce = randomUUID();
    await send(conn, FRAME, encode({ cmd: "SET_ACTIVITY", args, nonce }));
  } else if (value.cmd === "SET_ACTIVITY") console.log("the activity is shown");
}
