// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type { Library, LibraryServer } from "../../shared/library.ts";
import { ca } from "../../shared/tls.ts";

const require = createRequire(import.meta.url);

/* What is used of pg. */
interface Queries {
  query(text: string, values?: unknown[]): Promise<{
    rows: Record<string, unknown>[];
  }>;
  on(event: "error", listener: () => void): void;
  end(): Promise<void>;
}

function optionsOf({ port }: LibraryServer, isSecure: boolean) {
  const user = "postgres";
  const ssl = isSecure ? { ca, servername: "localhost" } : false;
  return { host: "127.0.0.1", port, user, database: user, ssl };
}

function sessionOf(client: Queries) {
  /* The failure of an idle connection; queries are rejected too. */
  client.on("error", () => {});
  return {
    async ask() {
      const { rows } = await client.query("SELECT $1::int + 1 AS x", [2]);
      assert.deepEqual(rows, [{ x: 3 }]);
    },
    async echo(bytes: Uint8Array) {
      const values = [Buffer.from(bytes)];
      const { rows } = await client.query("SELECT $1::bytea AS b", values);
      return rows[0]!["b"] as Uint8Array;
    },
    wait: () => client.query("SELECT pg_sleep(300)"),
    close: () => client.end(),
  };
}

export const pg: Library = {
  name: "pg",
  failure: /Connection terminated unexpectedly|ECONNRESET/,
  reconnects: false,
  async open(server, isSecure) {
    const { Client } = require("pg");
    const client = new Client(optionsOf(server, isSecure));
    await client.connect();
    return sessionOf(client);
  },
};

export const pool: Library = {
  name: "pg.Pool",
  failure: /Connection terminated unexpectedly|ECONNRESET/,
  reconnects: true,
  open(server, isSecure) {
    const { Pool } = require("pg");
    return Promise.resolve(sessionOf(new Pool(optionsOf(server, isSecure))));
  },
};

export const postgres: Library = {
  name: "postgres.js",
  failure: /^(CONNECTION_CLOSED|ECONNRESET|EPIPE)/,
  reconnects: true,
  open(server, isSecure) {
    /* Bun's condition leads to its module, in which it is the default. */
    const found = require("postgres");
    const sql = (found.default ?? found)({
      ...optionsOf(server, isSecure),
      max: 2,
      onnotice() {},
    });
    return Promise.resolve({
      async ask() {
        const [row] = await sql`SELECT ${2}::int + 1 AS x`;
        assert.equal(row.x, 3);
      },
      async echo(bytes) {
        const [row] = await sql`SELECT ${Buffer.from(bytes)}::bytea AS b`;
        return row.b;
      },
      wait: () => sql`SELECT pg_sleep(300)`.execute(),
      /* Otherwise it waits for ever for a connection that has failed. */
      close: () => sql.end({ timeout: 1 }),
    });
  },
};
