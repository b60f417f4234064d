// Copyright the iocp authors. MIT license.

import { createRequire } from "node:module";
import type { Library } from "../../shared/library.ts";
import { type LocalServer, startLocal } from "../../shared/local_server.ts";
import { ca, server as identity } from "../../shared/tls.ts";

const require = createRequire(import.meta.url);
let count = 0;

/* Who waits for the mail of a sender. */
const waiting = new Map<string, (text: string) => void>();

/** Starts the library smtp-server. It offers STARTTLS. */
export async function start(): Promise<LocalServer> {
  const { SMTPServer } = require("smtp-server");
  return await startLocal(() => {
    const smtp = new SMTPServer({
      ...identity,
      authOptional: true,
      async onData(
        stream: AsyncIterable<Uint8Array>,
        session: { envelope: { mailFrom: { address: string } } },
        answer: () => void,
      ) {
        const parts: Uint8Array[] = [];
        for await (const part of stream) parts.push(part);
        const { address } = session.envelope.mailFrom;
        if (address.startsWith("silent")) return;
        waiting.get(address)!(Buffer.concat(parts).toString("latin1"));
        answer();
      },
    });
    smtp.on("error", () => {});
    return smtp.server;
  });
}

export const nodemailer: Library = {
  name: "nodemailer",
  failure: /ECONNECTION|ESOCKET|ECONNRESET/,
  blobMegabytes: 10,
  reconnects: true,
  open({ port }, isSecure) {
    const transport = require("nodemailer").createTransport({
      host: "127.0.0.1",
      port,
      ...isSecure ? { requireTLS: true } : { ignoreTLS: true },
      tls: { ca, servername: "localhost" },
    });
    const send = (from: string, text: string) =>
      transport.sendMail({
        envelope: { from, to: "b@localhost" },
        raw: `From: ${from}\r\nTo: b@localhost\r\n\r\n${text}`,
      });
    return Promise.resolve({
      ask: () => transport.verify(),
      async echo(bytes) {
        const from = `a${count++}@localhost`;
        const arrived = new Promise<string>((resolve) =>
          waiting.set(from, resolve)
        );
        const text = Buffer.from(bytes).toString("hex")
          .replace(/.{1,76}/g, "$&\r\n");
        await send(from, text);
        const [, body] = (await arrived).split("\r\n\r\n");
        return Buffer.from(body!.replaceAll("\r\n", ""), "hex");
      },
      wait: () => send("silent@localhost", "nothing answers"),
      close: () => transport.close(),
    });
  },
};
