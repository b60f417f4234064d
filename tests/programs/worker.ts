// Copyright the iocp authors. MIT license.
/* A Worker of tests/worker_test.ts: it does what it is told, and answers. */

import { CompletionPort, connect, listen, type NetAddr } from "../../mod.ts";
import { Digest, digest, pattern } from "../shared/pattern.ts";

/** What a Worker is told. */
export interface Order {
  task: "serve" | "visit" | "hold" | "flood" | "leave";
  address?: NetAddr;
  count?: number;
}

const scope = globalThis as unknown as {
  onmessage: (event: { data: Order }) => void;
  postMessage(message: unknown): void;
  close(): void;
};

async function serve(): Promise<void> {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  scope.postMessage(listener.addr);
  for await (const conn of listener) {
    (async () => {
      for await (const chunk of conn) await conn.write(chunk);
    })().catch(() => {});
  }
}

/* One connection, with its echo compared. */
async function visitOnce(address: NetAddr, seed: number): Promise<boolean> {
  await using conn = await connect(address);
  const bytes = pattern(300_000 + seed, seed);
  const written = conn.write(bytes);
  const result = new Digest();
  const chunks = conn[Symbol.asyncIterator]();
  while (result.length < bytes.length) {
    const { value, done } = await chunks.next();
    if (done) break;
    result.add(value);
  }
  await written;
  return result.text() === digest(bytes);
}

async function visit({ address, count }: Order): Promise<void> {
  const visits = Array.from(
    { length: count! },
    (_, i) => visitOnce(address!, i + 1),
  );
  const results = await Promise.all(visits);
  scope.postMessage(results.every((isRight) => isRight) ? "right" : "wrong");
}

async function hold({ address, count }: Order): Promise<void> {
  const port = new CompletionPort();
  for (let i = 0; i < count!; i++) {
    const conn = await port.connect(address!);
    if (i % 3 === 0) conn.read(new Uint8Array(10)).catch(() => {});
    if (i % 3 === 1) conn[Symbol.asyncIterator]().next().catch(() => {});
  }
  scope.postMessage("holding");
}

async function flood({ address }: Order): Promise<void> {
  const conn = await connect(address!);
  scope.postMessage("flooding");
  const bytes = new Uint8Array(1024 * 1024);
  for (;;) await conn.write(bytes);
}

scope.onmessage = ({ data }) => {
  const { task } = data;
  if (task === "serve") serve();
  if (task === "visit") visit(data);
  if (task === "hold") hold(data);
  if (task === "flood") flood(data).catch(() => {});
  if (task === "leave") scope.close();
};
