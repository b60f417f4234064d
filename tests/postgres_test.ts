// Copyright the iocp authors. MIT license.
/* The client pg over connections of this module to a server of PostgreSQL, through its
 * unix socket. Where the suite has none, as on Windows, it is PostgreSQL in this process
 * (PGlite) behind a listener on a local socket. */

import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { createRequire } from "node:module";
import type { Duplex } from "node:stream";
import { after, before, describe, test } from "node:test";
import { type Conn, connect, listen, type PathAddr } from "../mod.ts";
import { within } from "./shared/deadline.ts";
import { noDebian, startInsideDebian } from "./shared/debian.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { newPath } from "./shared/local.ts";

/* What is used of pg and PGlite. */
interface Client {
  connect(): Promise<void>;
  query(text: string, values?: unknown[]): Promise<{
    rows: Record<string, unknown>[];
    rowCount: number;
  }>;
  end(): Promise<void>;
  on(event: "notification", listener: (it: { payload: string }) => void): void;
}
interface Database {
  execProtocolRaw(message: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}
interface Postgres {
  Client: new (options: object) => Client;
}

const require = createRequire(import.meta.url);
const { Client } = require("pg") as Postgres;

/* The start of the database in WebAssembly: about 10 seconds, and more on Wine. */
const START_MS = 300_000;
const TERMINATE = "X".charCodeAt(0);

/* The messages of a client: a length and its content; before it, except in the
 * first message, a byte for the kind. */
async function* messages(conn: Conn<PathAddr>): AsyncGenerator<Uint8Array> {
  let rest = new Uint8Array(0);
  let kindBytes = 0;
  for await (const chunk of conn) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    rest = bytes;
    while (rest.length >= kindBytes + 4) {
      const length = kindBytes + new DataView(rest.buffer, rest.byteOffset)
        .getUint32(kindBytes);
      if (rest.length < length) break;
      yield rest.slice(0, length);
      rest = rest.slice(length);
      kindBytes = 1;
    }
  }
}

async function serve(
  database: Database,
  conn: Conn<PathAddr>,
): Promise<void> {
  for await (const message of messages(conn)) {
    if (message[0] === TERMINATE) break;
    await conn.write(await database.execProtocolRaw(message));
  }
  conn.close();
}

/* pg calls connect() of its stream, and waits for its event. */
function streamOf(conn: Conn<PathAddr>): Duplex {
  const duplex = conn.duplex();
  return Object.assign(duplex, {
    connect: () => queueMicrotask(() => duplex.emit("connect")),
  });
}

/* The path of a server and how it is stopped. */
interface Server {
  path: string;
  stop(): Promise<void>;
}

/* It refuses to run as root. */
const START = `
export PATH=/usr/lib/postgresql/17/bin:/usr/bin LC_ALL=C.UTF-8
initdb --no-sync --auth=trust --username=postgres --pgdata=/tmp/data
exec postgres -D /tmp/data -h '' -k /mnt -F`;

async function startServer(): Promise<Server> {
  const folder = new TemporaryFolder();
  chmodSync(folder.path, 0o777);
  const lifetimeMs = 2 * START_MS;
  const child = startInsideDebian(folder.path, START, { lifetimeMs });
  const stop = async () => {
    child.process.kill("SIGKILL");
    await child.ended;
    folder[Symbol.dispose]();
  };
  try {
    const ready = child.output(/ready to accept connections/);
    await within("the start", ready, START_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return { path: folder.join(".s.PGSQL.5432"), stop };
}

async function startInThisProcess(): Promise<Server> {
  const { PGlite } = await import("@electric-sql/pglite") as unknown as {
    PGlite: { create(): Promise<Database> };
  };
  const database = await within("the start", PGlite.create(), START_MS);
  const path = newPath();
  const listener = listen({ path });
  const failures: unknown[] = [];
  const serving = (async () => {
    /* One session at a time: PGlite has only one. */
    for await (const conn of listener) {
      await serve(database, conn).catch((error) => failures.push(error));
    }
  })();
  const stop = async () => {
    listener.close();
    await serving;
    await database.close();
    assert.deepEqual(failures, []);
  };
  return { path, stop };
}

describe("pg over a local socket", () => {
  let server: Server;

  before(async () => {
    server = await (noDebian ? startInThisProcess() : startServer());
  }, { timeout: START_MS });

  after(() => server.stop());

  async function withClient(use: (client: Client) => Promise<unknown>) {
    const conn = await connect({ path: server.path, timeout: 5_000 });
    const options = { user: "postgres", database: "postgres" };
    const client = new Client({ ...options, stream: streamOf(conn) });
    await within("connecting", client.connect());
    await use(client);
    await within("the end", client.end());
  }

  test("sends and receives many rows", async () => {
    await withClient(async (client) => {
      await client.query("CREATE TEMPORARY TABLE list (i int, text text)");
      const text = "ü".repeat(200_000);
      const insert = "INSERT INTO list SELECT i, $1 || i " +
        "FROM generate_series(1, 20) AS i";
      const inserted = await within("insert", client.query(insert, [text]));
      assert.equal(inserted.rowCount, 20);
      const select = "SELECT text FROM list ORDER BY i";
      const { rows } = await within("select", client.query(select));
      assert.equal(rows.length, 20);
      for (const [i, row] of rows.entries()) {
        assert.ok(row["text"] === `${text}${i + 1}`, `row ${i}`);
      }
    });
  });

  test("gets errors of the server, and notifications", async () => {
    await withClient(async (client) => {
      await assert.rejects(
        within("a query", client.query("SELECT 1 / 0")),
        { code: "22012" },
      );
      const payload = new Promise((resolve) =>
        client.on("notification", (it) => resolve(it.payload))
      );
      await client.query("LISTEN news");
      await client.query("SELECT pg_notify('news', 'größe')");
      assert.equal(await within("the notification", payload), "größe");
      await client.query("UNLISTEN news");
    });
  });

  test("queries with and without values", async () => {
    await withClient(async (client) => {
      const plain = await within("a query", client.query("SELECT 1 + 1 AS x"));
      assert.deepEqual(plain.rows, [{ x: 2 }]);
      const text = "SELECT $1::text AS text, length($1) AS length";
      const { rows } = await within("a query", client.query(text, ["größe"]));
      assert.deepEqual(rows, [{ text: "größe", length: 5 }]);
    });
  });

  test("serves several clients at once", {
    skip: noDebian && "PGlite has one session",
  }, async () => {
    await withClient(async (listening) => {
      const payload = new Promise((resolve) =>
        listening.on("notification", (it) => resolve(it.payload))
      );
      await listening.query("LISTEN news");
      await withClient((client) => client.query("NOTIFY news, 'größe'"));
      assert.equal(await within("the notification", payload), "größe");
    });
  });

  test("knows the user of the server", {
    skip: noDebian && "the server is this process",
  }, async () => {
    using conn = await connect({ path: server.path, timeout: 5_000 });
    const { pid, uid, gid } = conn.peer;
    assert.deepEqual({ uid, gid }, { uid: 65_534, gid: 65_534 });
    assert.ok(pid! > 0);
  });
});
