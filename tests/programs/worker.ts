// Copyright the iocp authors. MIT license.
/* A Worker of tests/worker_test.ts. A message names its task. */

import { CompletionPort, connect, listen, type NetAddr } from "../../mod.ts";
import { Digest, digest, pattern } from "../shared/pattern.ts";

/** A message to the Worker. */
export interface Task {
  task: "serve" | "connect" | "hold" | "flood" | "close";
  address?: NetAddr;
  count?: number;
}

const scope = globalThis as unknown as {
  onmessage: (event: { data: Task }) => void;
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

/* Sends to an echo server, and compares what comes back. */
async function exchange(address: NetAddr, seed: number): Promise<boolean> {
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

async function exchangeMany({ address, count }: Task): Promise<void> {
  const exchanges = Array.from(
    { length: count! },
    (_, i) => exchange(address!, i + 1),
  );
  const results = await Promise.all(exchanges);
  scope.postMessage(results.every((isRight) => isRight) ? "right" : "wrong");
}

async function hold({ address, count }: Task): Promise<void> {
  const port = new CompletionPort();
  for (let i = 0; i < count!; i++) {
    const conn = await port.connect(address!);
    if (i % 3 === 0) conn.read(new Uint8Array(10)).catch(() => {});
    if (i % 3 === 1) conn[Symbol.asyncIterator]().next().catch(() => {});
  }
  scope.postMessage("holding");
}

async function flood({ address }: Task): Promise<void> {
  const conn = await connect(address!);
  scope.postMessage("flooding");
  const bytes = new Uint8Array(1024 * 1024);
  for (;;) await conn.write(bytes);
}

scope.onmessage = ({ data }) => {
  const { task } = data;
  if (task === "serve") serve();
  if (task === "connect") exchangeMany(data);
  if (task === "hold") hold(data);
  if (task === "flood") flood(data).catch(() => {});
  if (task === "close") scope.close();
};
