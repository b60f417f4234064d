// Copyright the iocp authors. MIT license.

// A program as a user writes it, to be installed, bundled and compiled. It has
// no await outside of a function, which some formats of bundles do not allow.

import { httpAgent } from "../../http.ts";
import { type Conn, connect, listen, serveHttp } from "../../mod.ts";
import { createServer } from "../../net.ts";

// This key is public. The certificate is for "localhost".
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgepsL8cj44tvhEhNs
aj6SE7byCixvmdyYuX7XPG75NhChRANCAARG1DhBL2PCh71l0MAadA4UgGEPb8LH
x4qXXK3/l2Uur8MI9MykMsC/PG7R6kw4UoUte8NBDrvZ/i80RM41U3gB
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBUDCB96ADAgECAgIQBjAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEbUOEEvY8KHvWXQ
wBp0DhSAYQ9vwsfHipdcrf+XZS6vwwj0zKQywL88btHqTDhShS17w0EOu9n+LzRE
zjVTeAGjNzA1MBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAdBgNVHQ4EFgQUng6gMSag
VxNf58iTOa0XJc859OIwCgYIKoZIzj0EAwIDSAAwRQIhAN17q3EYRHaSLaCCy+2d
W+aYhtmWGSCsdjl4S2wQghjVAiANNKC9bNxyMFzGH+wxMxkBHdZm8wPnSivqJ2Lc
HKqBMw==
-----END CERTIFICATE-----`;

interface Response {
  on(event: "data", listener: (data: unknown) => void): void;
  on(event: "end", listener: () => void): void;
}
interface NodeHttp {
  createServer(
    onRequest: (
      request: unknown,
      response: { end(text: string): void },
    ) => void,
  ): Parameters<typeof serveHttp>[0];
  get(options: object, onResponse: (response: Response) => void): void;
}
const { process } = globalThis as unknown as {
  process: { exitCode: number; getBuiltinModule(name: string): unknown };
};

async function echo(conn: Conn): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
}

/** Sends something to a server of iocp/net, which sends it back. */
export async function useNet(): Promise<string> {
  const server = createServer((socket) => socket.pipe(socket));
  const listening = new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", resolve)
  );
  await listening;
  const { port } = server.address() as { port: number };
  const conn = await connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode("works"));
  const text = await conn.reader().readExactly(5);
  conn.close();
  server.close();
  return new TextDecoder().decode(text);
}

/** Asks a server of node:http, both ends over the module. */
export async function useHttp(): Promise<string> {
  const http = process.getBuiltinModule("node:http") as NodeHttp;
  const service = serveHttp(
    http.createServer((_, response) => response.end("works")),
    listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const { port } = service.addr as { port: number };
  const text = await new Promise<string>((resolve) =>
    http.get({ port, host: "127.0.0.1", agent: httpAgent() }, (response) => {
      let text = "";
      response.on("data", (data) => text += data);
      response.on("end", () => resolve(text));
    })
  );
  await service.close();
  return text;
}

/** Sends something to an echo with TLS and reads it back. */
export async function useTls(): Promise<string> {
  const tls = { cert, key };
  const listener = listen({ hostname: "127.0.0.1", port: 0, tls });
  const served = listener.accept().then(echo);
  const conn = await connect({
    ...listener.addr,
    tls: { ca: cert, serverName: "localhost" },
  });
  await conn.write(new TextEncoder().encode("works"));
  const text = await conn.reader().readExactly(5);
  conn.close();
  await served;
  listener.close();
  return new TextDecoder().decode(text);
}

/** Sends something to an echo and reads it back. */
export async function use(): Promise<string> {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  const served = listener.accept().then(echo);
  const conn = await connect(listener.addr);
  await conn.write(new TextEncoder().encode("works"));
  let text = "";
  for await (const chunk of conn) {
    text += new TextDecoder().decode(chunk);
    if (text.length >= "works".length) break;
  }
  await served;
  listener.close();
  return text;
}

async function useAll(): Promise<void> {
  for (const use of [useNet, useHttp, useTls]) {
    const text = await use();
    if (text !== "works") throw new Error(`${use.name}: ${text}`);
  }
  console.log(await use());
}

useAll().catch((error) => {
  console.error(`${error}`);
  process.exitCode = 1;
});
