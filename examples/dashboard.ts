// Copyright the iocp authors. MIT license.
// Watches an echo server: a page with live charts, and a load that makes them move:
//   deno run --allow-ffi --allow-net examples/dashboard.ts
//   bun examples/dashboard.ts --port 8081 --echo 8080 --clients 0

import { createServer, type ServerResponse } from "node:http";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Conn, connect, type ConnEvent, listen, serveHttp } from "iocp";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8081" },
    echo: { type: "string", default: "0" },
    clients: { type: "string", default: "20" },
  },
});
const { hostname } = values;

// The echo server, whose connections are watched.
const open = new Set<Conn>();
const events: string[] = [];
let closedBytes = 0;

function onEvent(event: ConnEvent): void {
  const conn = event.conn as Conn | undefined;
  const peer = conn && "port" in conn.remoteAddr ? conn.remoteAddr.port : "";
  if (event.type === "accepted") open.add(conn!);
  else if (event.type === "closed") {
    open.delete(conn!);
    closedBytes += event.bytesReceived + (event.bytesSent ?? 0);
  }
  const why = event.type === "error"
    ? event.error.code
    : "reason" in event
    ? event.reason
    : "cause" in event
    ? `${event.cause}, ${event.writableLength} bytes wait`
    : "";
  events.push(`${event.type} ${peer} ${why}`.trim());
  if (events.length > 12) events.shift();
}

const port = values.echo;
const listener = listen({ hostname, port, onEvent, slowAfter: 1000 });
async function serve(): Promise<void> {
  // onEvent has the errors.
  for await (const conn of listener) conn.pipeTo(conn).catch(() => {});
}
serve();

// What the page shows, once a second.
function roundTrip(): number | null {
  try {
    const all = [...open].map((conn) => conn.tcpInfo().smoothedRtt);
    return all.length && all.reduce((a, b) => a + b, 0) / all.length;
  } catch {
    return null; // The system does not say: Wine, or a Windows before 2017.
  }
}

let lastBytes = 0;
function sample() {
  let total = closedBytes;
  for (const conn of open) {
    const { bytesReceived, bytesSent } = conn.stats();
    total += bytesReceived + bytesSent;
  }
  const bytes = total - lastBytes;
  lastBytes = total;
  return { connections: open.size, bytes, roundTrip: roundTrip(), events };
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>iocp: watching</title>
<style>
  body { font: 14px system-ui, sans-serif; margin: 2em auto; max-width: 70em }
  figure { display: inline-block; margin: 0 1em 1em 0 } figcaption b { float: right }
  canvas { border: 1px solid #ccc; display: block } pre { height: 16em }
</style>
<h1>An echo server on port ECHO</h1>
<figure><figcaption>Connections <b></b></figcaption><canvas></canvas></figure>
<figure><figcaption>KiB a second <b></b></figcaption><canvas></canvas></figure>
<figure><figcaption>Round trip, ms <b></b></figcaption><canvas></canvas></figure>
<pre></pre>
<script>
const charts = [...document.querySelectorAll("figure")].map((figure) => {
  const canvas = figure.querySelector("canvas");
  const pen = canvas.getContext("2d"), values = [];
  return (value, digits) => {
    figure.querySelector("b").textContent = value?.toFixed(digits) ?? "unknown";
    values.push(value ?? 0);
    if (values.length > 60) values.shift();
    const top = Math.max(...values) * 1.1 || 1, { width, height } = canvas;
    pen.clearRect(0, 0, width, height);
    pen.strokeStyle = "#06c";
    pen.beginPath();
    values.forEach((v, i) => pen.lineTo(i * width / 59, height * (1 - v / top)));
    pen.stroke();
  };
});
new EventSource("events").onmessage = ({ data }) => {
  const { connections, bytes, roundTrip, events } = JSON.parse(data);
  charts[0](connections, 0);
  charts[1](bytes / 1024, 0);
  charts[2](roundTrip, 3);
  document.querySelector("pre").textContent = events.join("\\n");
};
</script>`.replace("ECHO", String(listener.addr.port));

// The page, and its events (https://html.spec.whatwg.org/#server-sent-events).
const pages = new Set<ServerResponse>();
const server = createServer(({ url }, response) => {
  const isStream = url === "/events";
  if (!isStream && url !== "/") return void response.writeHead(404).end();
  const type = isStream ? "text/event-stream" : "text/html; charset=utf-8";
  response.writeHead(200, { "content-type": type });
  if (!isStream) return void response.end(PAGE);
  pages.add(response);
  response.on("close", () => pages.delete(response));
  response.flushHeaders();
});
setInterval(() => {
  const data = `data: ${JSON.stringify(sample())}\n\n`;
  for (const page of pages) page.write(data);
}, 1000);

// Clients that come and go, and now and then one that reads nothing.
async function client(): Promise<void> {
  using conn = await connect(listener.addr);
  if (Math.random() < 0.05) {
    await conn.write(new Uint8Array(5e7), { timeout: 3000 });
  }
  const message = new Uint8Array(4096);
  for (let left = Math.random() * 200; left > 0; left--) {
    await conn.write(message);
    await conn.reader().readExactly(message.length);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 50));
  }
  if (Math.random() < 0.1) conn.reset();
}
async function load(): Promise<void> {
  for (;;) await client().catch(() => {});
}
for (let i = 0; i < Number(values.clients); i++) load();

const { addr } = serveHttp(server, listen({ hostname, port: values.port }));
console.log(`echo on ${hostname}:${listener.addr.port}`);
console.log(`listening on http://${hostname}:${addr.port}`);
