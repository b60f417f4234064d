// Copyright the iocp authors. MIT license.
/* A program for Deno.listen and Deno.connect on unix sockets. With the argument
 * "stock" it uses those of Deno, with "iocp" those of this module. It prints the
 * results of its calls, which tests/drop_in_path_test.ts compares. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";

interface UnixAddr {
  transport: "unix";
  path: string;
}
interface Conn {
  readonly localAddr: UnixAddr;
  readonly remoteAddr: UnixAddr;
  read(p: Uint8Array): Promise<number | null>;
  write(p: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}
interface Listener extends AsyncIterable<Conn> {
  readonly addr: UnixAddr;
  accept(): Promise<Conn>;
  close(): void;
}
interface Options {
  transport: "unix";
  path: string;
}
interface Net {
  listen(options: Options): Listener;
  connect(options: Options): Promise<Conn>;
}
interface Stock extends Net {
  errors: Record<string, new (message?: string) => Error>;
}

const { Deno: stock } = globalThis as unknown as { Deno?: Stock };
const net = process.argv[2] === "stock"
  ? stock!
  : await import("../../mod.ts") as unknown as Net;
const folder = mkdtempSync("/tmp/iocp-drop-in-");
const transport = "unix" as const;

function shown(value: unknown): string {
  /* Calls without a result may return either. */
  if (value === undefined || value === null) return "done";
  return JSON.stringify(value).replaceAll(folder, "FOLDER");
}

function describe(error: unknown): string {
  const { name, code } = error as Error & { code?: unknown };
  if (error instanceof TypeError) return "TypeError";
  const classes = Object.entries(stock?.errors ?? {})
    .filter(([, Class]) => error instanceof Class).map(([name]) => name);
  return `${name}, code ${code}, instance of ${classes.join() || "Error"}`;
}

async function check(what: string, call: () => unknown): Promise<void> {
  let text: string;
  try {
    const value = await call();
    text = typeof value === "object" && value !== null && "close" in value
      ? "made"
      : shown(value);
  } catch (error) {
    text = describe(error);
  }
  console.log(`${what}: ${text}`);
}

const path = `${folder}/a.sock`;
const listener = net.listen({ transport, path });
await check("the listener's address", () => listener.addr);
await check("its file", () => existsSync(path));
const [client, server] = await Promise.all([
  net.connect({ transport, path }),
  listener.accept(),
]);
for (const [name, conn] of Object.entries({ client, server })) {
  await check(`${name}: localAddr`, () => conn.localAddr);
  await check(`${name}: remoteAddr`, () => conn.remoteAddr);
}
const p = new Uint8Array(10);
await check("write", () => client.write(new Uint8Array(3)));
await check("read", () => server.read(p));
await check("closeWrite", () => client.closeWrite());
await check("read at the end", () => server.read(p));
await check("write back", () => server.write(new Uint8Array(4)));
await check("read back", () => client.read(p));
server.close();
await check("read at the close", () => client.read(p));
await check("write after closeWrite", () => client.write(p));
client.close();
await check("write after close", () => client.write(p));
await check("listen again", () => net.listen({ transport, path }));
listener.close();
await check("the file after close", () => existsSync(path));
await check("connect after close", () => net.connect({ transport, path }));
await check("accept after close", () => listener.accept());

writeFileSync(`${folder}/file`, "");
const paths: Record<string, string> = {
  "a file": `${folder}/file`,
  "a folder": folder,
  "below a file": `${folder}/file/a.sock`,
  "in no folder": `${folder}/none/a.sock`,
  "too long": `${folder}/${"x".repeat(200)}`,
  "with NUL": `${folder}/\0a`,
};
for (const [name, path] of Object.entries(paths)) {
  await check(
    `connect to a path ${name}`,
    () => net.connect({ transport, path }),
  );
  await check(
    `listen on a path ${name}`,
    () => net.listen({ transport, path }),
  );
}
for (const path of [undefined, null, 1, {}]) {
  const options = { transport, path } as unknown as Options;
  await check(`connect to ${path}`, () => net.connect(options));
}
rmSync(folder, { recursive: true });
process.exit(0);
