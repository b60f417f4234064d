// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { connect as connectTls } from "node:tls";
import type { Library } from "../../shared/library.ts";
import {
  type LocalServer,
  serverOf,
  startLocal,
} from "../../shared/local_server.ts";
import { ca } from "../../shared/tls.ts";

const require = createRequire(import.meta.url);
const host = "127.0.0.1";
let count = 0;

/** Starts the broker aedes. */
export async function start(): Promise<LocalServer> {
  const { Aedes } = await import("aedes");
  const broker = await Aedes.createBroker();
  return await startLocal(serverOf((stream) => broker.handle(stream)));
}

export const mqtt: Library = {
  name: "mqtt",
  failure: /^ close/,
  reconnects: true,
  /* aedes reads one part for each event "readable", but a TLSSocket may announce
   * several parts by one: then a larger message never arrives. */
  tlsBlobSize: 10_000,
  async open({ port, securePort }, isSecure) {
    const { MqttClient, connect: connectMqtt } = require("mqtt");
    const { connect } = require("net");
    const options = { reconnectPeriod: 50, clientId: `iocp-${count++}` };
    const tls = { ca, servername: "localhost" };
    const client = isSecure
      ? new MqttClient(
        () => connectTls({ socket: connect(securePort, host), ...tls }),
        options,
      )
      : connectMqtt(`mqtt://${host}:${port}`, options);
    client.on("error", () => {});
    await once(client, "connect");
    const topic = `topic ${count++}`;
    await client.subscribeAsync(topic, { qos: 1 });
    const echo = async (bytes: Uint8Array) => {
      /* A message that is published before is sent before the client subscribes
       * again, so it would never arrive. An error rejects, and the caller asks
       * again. */
      if (!client.connected) await once(client, "connect");
      const arrived = once(client, "message");
      await client.publishAsync(topic, Buffer.from(bytes), { qos: 1 });
      return (await arrived)[1] as Uint8Array;
    };
    return {
      async ask() {
        assert.equal(String(await echo(Buffer.from("größe"))), "größe");
      },
      echo,
      wait: () =>
        new Promise((_, reject) =>
          client.once("close", () => reject(new Error("close")))
        ),
      close: () => client.endAsync(),
    };
  },
};
