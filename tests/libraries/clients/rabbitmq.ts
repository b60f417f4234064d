// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type { Library } from "../../shared/library.ts";
import { ca } from "../../shared/tls.ts";

const require = createRequire(import.meta.url);
const host = "127.0.0.1";

export const amqplib: Library = {
  name: "amqplib",
  failure: /Unexpected close|ECONNRESET/,
  reconnects: false,
  async open({ port, securePort }, isSecure) {
    const amqp = require("amqplib");
    const { connect } = require("net");
    const connection = isSecure
      ? await amqp.connect(`amqps://${host}:${securePort}`, {
        ca,
        servername: "localhost",
        socket: connect(securePort, host),
      })
      : await amqp.connect(`amqp://${host}:${port}`);
    const channel = await connection.createChannel();
    channel.on("error", () => {});
    const { queue } = await channel.assertQueue("", { exclusive: true });
    const arrived: ((content: Uint8Array) => void)[] = [];
    await channel.consume(
      queue,
      (message: { content: Uint8Array }) => arrived.shift()!(message.content),
      { noAck: true },
    );
    const echo = (bytes: Uint8Array) =>
      new Promise<Uint8Array>((resolve) => {
        arrived.push(resolve);
        channel.sendToQueue(queue, Buffer.from(bytes));
      });
    const failed = new Promise<never>((_, reject) => {
      connection.on("error", reject);
    });
    failed.catch(() => {});
    /* Not once() of node:events, which an error rejects. */
    const closed = new Promise((resolve) => connection.once("close", resolve));
    return {
      async ask() {
        assert.equal(String(await echo(Buffer.from("größe"))), "größe");
      },
      echo,
      wait: () => failed,
      async close() {
        connection.close().catch(() => {});
        await closed;
      },
    };
  },
};
