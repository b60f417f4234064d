// Copyright the iocp authors. MIT license.
// Shows an activity in the Discord client of this machine while it runs:
//   bun examples/discord_presence.ts CLIENT_ID "In the lobby" "2 of 4 players"
// In Deno: deno run -A examples/discord_presence.ts ...
// The protocol: https://docs.discord.com/developers/topics/rpc

import { randomUUID } from "node:crypto";
import process from "node:process";
import { type Conn, connect, type PathAddr } from "iocp";

const HANDSHAKE = 0, FRAME = 1, CLOSE = 2, PING = 3, PONG = 4;
// Messages: the operation and the length, each 32 bits, and the text.
const FORMAT = {
  lengthOffset: 4,
  endian: "little",
  maxLength: 1_000_000,
  includeHeader: true,
} as const;

const [clientId, details, state] = process.argv.slice(2);
const { DISCORD_INSTANCE_ID, XDG_RUNTIME_DIR, TMPDIR, TMP, TEMP } = process.env;
const name = `discord-ipc-${DISCORD_INSTANCE_ID ?? 0}`;
const folder = XDG_RUNTIME_DIR ?? TMPDIR ?? TMP ?? TEMP ?? "/tmp";
const path = process.platform === "win32"
  ? `\\\\?\\pipe\\${name}`
  : `${folder}/${name}`;

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
for await (const message of conn.frames(FORMAT)) {
  const operation = new DataView(message.buffer).getUint32(0, true);
  const text = message.subarray(8);
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
