// Copyright the iocp authors. MIT license.
// Serves one port with several Workers, here all_cores_worker.ts, which answers each
// line with a number that takes some computing:
//   deno run --allow-ffi --allow-net --allow-read examples/all_cores.ts --port 8080
//   bun examples/all_cores.ts --port 8080 --workers 4
// With --seconds it is its own client, and prints the answers a second, and what one
// costs, which other programs on the machine change less:
//   bun examples/all_cores.ts --workers 1 --seconds 5
//   bun examples/all_cores.ts --workers 2 --seconds 5

import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { connect, listen } from "iocp";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    workers: { type: "string" },
    seconds: { type: "string" },
  },
});
const { hostname, seconds } = values;
const workers = Number(values.workers ?? availableParallelism());
const listener = listen({ hostname, port: Number(values.port) });
const share = listener.share();

function startWorker(): void {
  const url = new URL("./all_cores_worker.ts", import.meta.url);
  const worker = new Worker(url.href, { type: "module" });
  // Its connections have ended with it; new ones go to the others meanwhile.
  worker.onerror = (event) => {
    event.preventDefault();
    console.error(`a Worker has failed: ${event.message}`);
    startWorker();
  };
  worker.postMessage(share);
}

// Each client waits for its answer before it sends the next line.
async function countAnswers(until: number): Promise<number> {
  await using conn = await connect(listener.addr);
  const reader = conn.reader();
  let count = 0;
  for (; Date.now() < until; count++) {
    await conn.write(new TextEncoder().encode(`${count}\n`));
    if (await reader.readLine() === null) break;
  }
  return count;
}

async function measure(seconds: number): Promise<void> {
  const run = async (ms: number) => {
    const until = Date.now() + ms;
    const clients = Array.from(
      { length: 4 * workers },
      () => countAnswers(until),
    );
    const counts = await Promise.all(clients);
    return counts.reduce((sum, count) => sum + count, 0);
  };
  await run(1_000); // until the Workers have started and their code is compiled
  const before = process.cpuUsage();
  const answers = await run(seconds * 1_000);
  const { user, system } = process.cpuUsage(before);
  const perSecond = Math.round(answers / seconds);
  const us = Math.round((user + system) / answers);
  console.log(
    `${workers} Workers: ${perSecond} answers a second, ${us} us of CPU each`,
  );
}

for (let i = 0; i < workers; i++) startWorker();
console.log(`listening on ${hostname}:${listener.addr.port}`);
if (seconds !== undefined) {
  await measure(Number(seconds));
  process.exit(0);
}
