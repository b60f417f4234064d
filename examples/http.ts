// Copyright the iocp authors. MIT license.
// Serves the files of a folder over HTTP, or with a key over HTTPS:
//   deno run --allow-ffi --allow-net --allow-read examples/http.ts --root site
//   bun examples/http.ts --root site --port 8080 --key key.pem --cert cert.pem

import { once } from "node:events";
import { createReadStream, readFileSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import { extname, join, resolve, sep } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { listen, serveHttp } from "iocp";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8080" },
    root: { type: "string", default: "." },
    key: { type: "string" },
    cert: { type: "string" },
  },
});
const root = await realpath(resolve(values.root));

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".gif": "image/gif",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".md": "text/markdown; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
};

/** The path of the file for a URL; undefined if it does not exist or is outside
 * the root. */
async function findFile(pathname: string): Promise<string | undefined> {
  let name: string;
  try {
    name = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  // On Windows "\" is a separator, ":" a drive or stream, and "\0" ends a path.
  if (/[\\:\0]/.test(name)) return undefined;
  const parts = name.split("/");
  if (parts.some((part) => part.startsWith("."))) return undefined;
  try {
    // A symbolic link may lead out of the root.
    const path = await realpath(join(root, ...parts));
    const isInside = path === root || path.startsWith(join(root, sep));
    return isInside ? path : undefined;
  } catch {
    return undefined;
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.end(`${text}\n`);
}

/** Sends a file, reading no faster than the client receives. */
async function sendFile(
  path: string,
  size: number,
  response: ServerResponse,
): Promise<void> {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  const { signal } = controller;
  let left = size;
  // Content-Length has been sent, so ignore what is appended to the file now.
  for await (const chunk of createReadStream(path, { end: size - 1, signal })) {
    left -= chunk.length;
    // Unlike pipeline(), pass the last part to end(): Deno 2.9 loses the next
    // request over TLS if the body is complete before end().
    if (left === 0) return void response.end(chunk);
    if (!response.write(chunk)) await once(response, "drain", { signal });
  }
  throw new Error("Cannot send the file: it has become shorter");
}

async function serveFile(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    answer(response, 405, "method not allowed");
    return;
  }
  // new URL() would resolve ".." and parse "//x" as a host.
  const [pathname, ...query] = request.url!.split("?");
  let path = await findFile(pathname!);
  let file = path === undefined ? undefined : await stat(path);
  if (file?.isDirectory()) {
    if (!pathname!.endsWith("/")) {
      // A location that begins with two slashes would be another host.
      const target = `/${pathname!.replace(/^\/+/, "")}/`;
      response.setHeader("Location", [target, ...query].join("?"));
      answer(response, 301, "moved");
      return;
    }
    path = await findFile(`${pathname}index.html`);
    file = path === undefined ? undefined : await stat(path);
  } else if (pathname!.endsWith("/")) file = undefined;
  if (path === undefined || !file?.isFile()) {
    answer(response, 404, "not found");
    return;
  }
  const type = TYPES[extname(path).toLowerCase()];
  response.setHeader("Content-Type", type ?? "application/octet-stream");
  response.setHeader("Content-Length", file.size);
  response.setHeader("Last-Modified", file.mtime.toUTCString());
  if (request.method === "HEAD" || file.size === 0) response.end();
  else await sendFile(path, file.size, response);
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await serveFile(request, response);
  } catch (error) {
    if (response.destroyed) return; // The client has disconnected.
    console.error(`${request.url}: ${error}`);
    // Once the headers are sent, only a reset shows that the rest is missing.
    if (response.headersSent) response.destroy();
    else answer(response, 500, "cannot read the file");
  }
}

const { hostname, port, key, cert } = values;
const isSecure = key !== undefined && cert !== undefined;
const server = isSecure
  ? createSecureServer(
    { key: readFileSync(key), cert: readFileSync(cert) },
    handle,
  )
  : createServer(handle);
server.keepAliveTimeout = 60_000;

const { addr } = serveHttp(server, listen({ hostname, port: Number(port) }));
const scheme = isSecure ? "https" : "http";
const host = hostname.includes(":") ? `[${hostname}]` : hostname;
console.log(`listening on ${scheme}://${host}:${addr.port}`);
