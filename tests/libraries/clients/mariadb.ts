// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type { Library } from "../../shared/library.ts";
import { ca } from "../../shared/tls.ts";

const require = createRequire(import.meta.url);

/* What is used of a connection of mysql2, and of a pool. */
interface Queries {
  execute(text: string, values?: unknown[]): Promise<
    [Record<string, unknown>[]]
  >;
  end(): Promise<void>;
}

function sessionOf(client: Queries) {
  return {
    async ask() {
      const [rows] = await client.execute("SELECT ? + 1 AS x", [2]);
      assert.deepEqual(rows.map(({ x }) => x), [3]);
    },
    async echo(bytes: Uint8Array) {
      const text = "SELECT CAST(? AS BINARY) AS b";
      const [rows] = await client.execute(text, [Buffer.from(bytes)]);
      return rows[0]!["b"] as Uint8Array;
    },
    wait: () => client.execute("SELECT SLEEP(300)"),
    close: () => client.end(),
  };
}

function library(name: string, function_: string): Library {
  return {
    name,
    failure: /PROTOCOL_CONNECTION_LOST|ECONNRESET/,
    reconnects: function_ === "createPool",
    async open({ port }, isSecure) {
      const mysql = require("mysql2/promise");
      /* Its own name is not that of the certificate. */
      const ssl = { ca, verifyIdentity: false };
      const client = await mysql[function_]({
        ...{ host: "127.0.0.1", port, user: "root", database: "test" },
        ...isSecure ? { ssl } : {},
      });
      /* The failure of an idle connection; queries are rejected too. */
      client.on("error", () => {});
      return sessionOf(client);
    },
  };
}

export const connection: Library = library("mysql2", "createConnection");
export const pool: Library = library("a pool of mysql2", "createPool");
