// Copyright the iocp authors. MIT license.
/* examples/discord_presence.ts, with a server that speaks Discord's protocol. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { type Conn, listen, type PathAddr } from "../mod.ts";
import { type Child, start } from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { repositoryPath, TemporaryFolder } from "./shared/files.ts";
import { isWindows } from "./shared/local.ts";
import { bytesOf, textOf } from "./shared/pattern.ts";

const HANDSHAKE = 0, FRAME = 1, CLOSE = 2, PING = 3, PONG = 4;

async function readExactly(conn: Conn<PathAddr>, length: number) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await within("a read", conn.read(bytes.subarray(at)));
    assert.ok(count !== null, `the end after ${at} of ${length} bytes`);
    at += count;
  }
  return bytes;
}

/* Reads a message, which must be this operation. */
async function receive(conn: Conn<PathAddr>, operation: number) {
  const view = new DataView((await readExactly(conn, 8)).buffer);
  assert.equal(view.getUint32(0, true), operation);
  const text = textOf(await readExactly(conn, view.getUint32(4, true)));
  return JSON.parse(text) as Record<string, unknown>;
}

function message(operation: number, value: unknown): Uint8Array {
  const text = bytesOf(JSON.stringify(value));
  const bytes = new Uint8Array(8 + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, operation, true);
  view.setUint32(4, text.length, true);
  bytes.set(text, 8);
  return bytes;
}

const READY = message(FRAME, {
  cmd: "DISPATCH",
  evt: "READY",
  data: { v: 1, user: { id: "1", username: "größe" } },
});

/* Runs the program with a server that gets its connection. The number of a client is
 * 0 where it has a folder of its own; names of pipes are those of the system. */
async function withDiscord(
  use: (conn: Conn<PathAddr>, program: Child) => Promise<void>,
): Promise<void> {
  using folder = new TemporaryFolder();
  const id = isWindows ? process.pid : 0;
  const path = isWindows
    ? `\\\\.\\pipe\\discord-ipc-${id}`
    : folder.join("discord-ipc-0");
  using listener = listen({ path });
  using program = start(
    repositoryPath("examples/discord_presence.ts"),
    ["123456789", "In the lobby", "2 of 4"],
    {
      env: {
        XDG_RUNTIME_DIR: folder.path,
        DISCORD_INSTANCE_ID: isWindows ? `${id}` : undefined,
      },
    },
  );
  using conn = await within("accept", listener.accept());
  assert.deepEqual(await receive(conn, HANDSHAKE), {
    v: 1,
    client_id: "123456789",
  });
  await use(conn, program);
}

test("discord_presence.ts shows an activity until Discord ends", async () => {
  await withDiscord(async (conn, program) => {
    /* In pieces that end inside a head and inside a character. */
    await conn.write(READY.subarray(0, 5));
    const at = READY.length - 8;
    await conn.write(READY.subarray(5, at));
    await conn.write(READY.subarray(at));
    const { cmd, args, nonce } = await receive(conn, FRAME);
    assert.equal(cmd, "SET_ACTIVITY");
    assert.match(String(nonce), /^[0-9a-f-]{36}$/);
    const { pid, activity } = args as Record<string, unknown>;
    assert.ok(Number(pid) > 0);
    assert.deepEqual(activity, { details: "In the lobby", state: "2 of 4" });
    const shown = { cmd, evt: null, data: activity, nonce };
    /* Two messages at once. */
    const ping = message(PING, { at: 1 });
    const both = message(FRAME, shown);
    const bytes = new Uint8Array(both.length + ping.length);
    bytes.set(both);
    bytes.set(ping, both.length);
    await conn.write(bytes);
    assert.deepEqual(await receive(conn, PONG), { at: 1 });
    conn.close();
    const { code, stdout, stderr } = await program.ended;
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "connected as größe\nthe activity is shown\n");
  });
});

test("discord_presence.ts prints why Discord refuses it", async () => {
  const refusals = [
    message(CLOSE, { code: 4000, message: "Invalid Client ID" }),
    message(FRAME, {
      cmd: "SET_ACTIVITY",
      evt: "ERROR",
      data: { code: 4000, message: "Invalid Client ID" },
    }),
  ];
  for (const refusal of refusals) {
    await withDiscord(async (conn, program) => {
      await conn.write(refusal);
      const { code, stderr } = await program.ended;
      assert.equal(code, 1);
      assert.match(stderr, /Invalid Client ID/);
    });
  }
});

test("discord_presence.ts refuses a message that is too long or cut", async () => {
  const long = new Uint8Array(8);
  new DataView(long.buffer).setUint32(4, 0xffffffff, true);
  const wrong: [Uint8Array, RegExp][] = [
    [long, /the frame is longer than 1000000 bytes/],
    [READY.subarray(0, 20), /the end came after 20 bytes of a frame/],
  ];
  for (const [bytes, expected] of wrong) {
    await withDiscord(async (conn, program) => {
      await conn.write(bytes);
      conn.close();
      const { code, stderr } = await program.ended;
      assert.equal(code, 1);
      assert.match(stderr, expected);
    });
  }
});
