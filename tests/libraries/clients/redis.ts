// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type { Library } from "../../shared/library.ts";
import { ca } from "../../shared/tls.ts";

const require = createRequire(import.meta.url);
const host = "127.0.0.1";
let count = 0;

export const ioredis: Library = {
  name: "ioredis",
  /* A command is tried again for a while. */
  failure: /max retries per request/,
  reconnects: true,
  async open({ port, securePort }, isSecure) {
    const { Redis } = require("ioredis");
    const { connect } = require("net");
    /* Each connection asks for the socket below TLS. */
    const tls = {
      ca,
      servername: "localhost",
      get socket() {
        return connect(securePort, host);
      },
    };
    const redis = new Redis({
      host,
      port,
      ...isSecure ? { tls } : {},
      lazyConnect: true,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => 50,
    });
    redis.on("error", () => {});
    await redis.connect();
    const key = `ioredis ${count++}`;
    return {
      async ask() {
        await redis.set(key, "größe");
        assert.equal(await redis.get(key), "größe");
      },
      async echo(bytes) {
        await redis.set(key, Buffer.from(bytes));
        const back = await redis.getBuffer(key);
        await redis.del(key);
        return back;
      },
      wait: () => redis.blpop("none", 0),
      close: () => redis.quit(),
    };
  },
};

export const nodeRedis: Library = {
  name: "node-redis",
  failure: /Socket closed unexpectedly|ECONNRESET/,
  reconnects: true,
  async open({ port, securePort }, isSecure) {
    const { createClient, RESP_TYPES } = require("redis");
    const { connect } = require("net");
    const reconnectStrategy = () => 50;
    const client = createClient({
      socket: isSecure
        ? {
          ...{ tls: true, host, port: securePort, ca, reconnectStrategy },
          servername: "localhost",
          socket: connect(securePort, host),
        }
        : { host, port, reconnectStrategy },
    });
    client.on("error", () => {});
    await client.connect();
    const bytesOf = client.withTypeMapping({
      [RESP_TYPES.BLOB_STRING]: Buffer,
    });
    const key = `node-redis ${count++}`;
    return {
      async ask() {
        await client.set(key, "größe");
        assert.equal(await client.get(key), "größe");
      },
      async echo(bytes) {
        await client.set(key, Buffer.from(bytes));
        const back = await bytesOf.get(key);
        await client.del(key);
        return back;
      },
      wait: () => client.blPop("none", 0),
      close: () => client.close(),
    };
  },
};
