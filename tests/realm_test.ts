// Copyright the iocp authors. MIT license.
/* Programs that are restarted on the same thread, as by `deno run --watch` or a
 * test runner: the sockets of the earlier run are closed. */

import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import process from "node:process";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { realmNumber } from "../src/loop/realm.ts";
import { type Child, ownRuntime, programPath, start } from "./shared/child.ts";
import { eventually, within } from "./shared/deadline.ts";
import { repositoryPath, TemporaryFolder } from "./shared/files.ts";

const isDeno = ownRuntime.name === "deno";
const isLinux = process.platform === "linux";
const RESTARTS = isLinux ? 20 : 5;
const restarted = pathToFileURL(programPath("restarted")).href;

const notDeno = isDeno ? false : "only Deno restarts in the same process";
const notBun = isDeno
  ? "only Bun runs test files in several realms of one thread"
  : false;

/* Counts the sockets, event queues and threads of a process. Files that the runtime
 * itself opens at each restart, such as its caches, are not counted. */
function resourcesOf(
  pid: number,
): { threads: number; handles: number } | undefined {
  if (!isLinux) return undefined;
  const folder = `/proc/${pid}/fd`;
  const handles = readdirSync(folder).filter((name) => {
    try {
      return /^(socket:|anon_inode:\[event)/.test(
        readlinkSync(`${folder}/${name}`),
      );
    } catch {
      return false;
    }
  });
  const threads = readdirSync(`/proc/${pid}/task`).length;
  return { threads, handles: handles.length };
}

/* A client of a run, with the received data and the state of its connection. */
class Client implements Disposable {
  readonly socket: Socket;
  data = "";
  isClosed = false;

  constructor(port: number) {
    this.socket = connectPlain(port, "127.0.0.1");
    this.socket.on("data", (data) => this.data += data);
    this.socket.on("error", () => {});
    this.socket.on("close", () => this.isClosed = true);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/* The current run and its port number. */
async function port(child: Child, word: string): Promise<number> {
  const [, number] = await within(
    `the run "${word}"`,
    child.output(new RegExp(`up ${word} on (\\d+);`)),
  );
  return Number(number);
}

/* A program that runs with --watch, in a file that changes. */
class Watched implements Disposable {
  readonly folder = new TemporaryFolder();
  readonly child: Child;

  constructor(flag: string) {
    this.write(Watched.server("0"));
    const flags = ["-A", flag];
    const env = { IOCP_TEST_PORT_FILE: this.folder.join("port") };
    this.child = start(this.folder.join("program.ts"), [], { flags, env });
  }

  /* Deno watches a file only after its program has started, and may miss a change
   * right after that. So the file is saved repeatedly until the next run, which
   * prints `word`, has started. */
  async change(word: string, text = Watched.server(word)): Promise<number> {
    this.write(text);
    const timer = setInterval(() => this.write(text), 15_000);
    try {
      return await port(this.child, word);
    } finally {
      clearInterval(timer);
    }
  }

  static server(word: string): string {
    return `import { serve } from ${
      JSON.stringify(restarted)
    }; serve("${word}");`;
  }

  private write(text: string): void {
    this.folder.write("program.ts", text);
  }

  [Symbol.dispose](): void {
    this.child[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

/* With --watch-hmr, Deno may instead replace code of the current run. */
describe("Sockets that an earlier run has left open are closed", {
  skip: notDeno,
}, () => {
  test(`after ${RESTARTS} changes with --watch`, async () => {
    using watched = new Watched("--watch");
    const { child } = watched;
    const clients: Client[] = [];
    let before: ReturnType<typeof resourcesOf>;
    for (let run = 0; run <= RESTARTS; run++) {
      const number = run > 0
        ? await watched.change(`${run}`)
        : await port(child, "0");
      const client = new Client(number);
      clients.push(client);
      await eventually(`answer ${run}`, () => client.data === `${run}`);
      const earlier = clients[run - 1];
      if (earlier !== undefined) {
        await eventually("the earlier run is closed", () => earlier.isClosed);
      }
      if (run === 2) before = resourcesOf(child.process.pid!);
    }
    if (before !== undefined) {
      const { handles, threads } = before;
      /* Idle threads of Deno exit after some seconds. */
      await eventually("handles and threads are released", () => {
        const after = resourcesOf(child.process.pid!)!;
        return after.handles <= handles + 2 && after.threads <= threads + 4;
      });
    }
    for (const client of clients) client[Symbol.dispose]();
  });

  test("even if the next run does not use the module", async () => {
    using watched = new Watched("--watch");
    const number = await port(watched.child, "0");
    using client = new Client(number);
    await eventually("the answer", () => client.data === "0");
    await watched.change(
      "none",
      `console.log("up none on 0;"); setInterval(() => {}, 1_000);`,
    );
    await eventually("the connection is closed", () => client.isClosed);
    using refused = new Client(number);
    await eventually("a new one is refused", () => refused.isClosed);
    assert.equal(refused.data, "");
  });
});

/* Test files that all listen on the same port, and close nothing. */
function testFiles(folder: TemporaryFolder, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const body = `
      import { test } from "node:test";
      import { serve, up } from ${JSON.stringify(restarted)};
      serve("${i}").catch(() => {});
      test("file ${i}", () => up);
    `;
    return folder.write(`file_${i}.test.ts`, body);
  });
}

test("Files of `deno test` leave no socket open for the next", {
  skip: notDeno,
}, async () => {
  using folder = new TemporaryFolder();
  const [first, ...rest] = testFiles(folder, 6);
  const flags = ["test", "--quiet", "--no-check", "--no-lock", "-A"];
  using child = start(first!, rest, {
    command: flags,
    env: { IOCP_TEST_PORT_FILE: folder.join("port") },
  });
  const { code, stdout, stderr } = await child.ended;
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /6 passed/);
});

test("Files of `bun test --isolate` leave no socket open for the next", {
  skip: notBun,
}, async () => {
  using folder = new TemporaryFolder();
  testFiles(folder, 12);
  const counter = repositoryPath("tests/shared/handles.ts");
  for (const name of ["file_2b", "file_9b"]) {
    folder.write(
      `${name}.test.ts`,
      `import { test } from "node:test";
       import { readdirSync } from "node:fs";
       import { openHandles } from ${JSON.stringify(counter)};
       const threads = ${isLinux} ? readdirSync("/proc/self/task").length : 0;
       test("count", () => console.log("open " + openHandles() + " " + threads));`,
    );
  }
  using child = start(".", [], {
    command: ["test", "--isolate"],
    cwd: folder.path,
    env: { IOCP_TEST_PORT_FILE: folder.join("port") },
  });
  const { code, stdout, stderr } = await child.ended;
  assert.equal(code, 0, stdout + stderr);
  const [before, after] = [...stdout.matchAll(/open (\d+) (\d+)/g)].map(
    ([, handles, threads]) => [Number(handles), Number(threads)] as const,
  );
  assert.ok(before !== undefined && after !== undefined, stdout + stderr);
  /* The threads of one Worker vary; seven files with leaks have more. */
  assert.ok(after[0] <= before[0] + 12, `${before}, then ${after}`);
  assert.ok(after[1] <= before[1] + 4, `${before}, then ${after}`);
});

test("A context of node:vm shares the realm number of the main context", () => {
  const own = realmNumber();
  const sandbox = { process, number: undefined as unknown };
  /* A copy of the module that a test runner loads there evaluates this. */
  runInContext(
    `number = process.getBuiltinModule("node:process")[Symbol.for("iocp.realm")]`,
    createContext(sandbox),
  );
  assert.equal(sandbox.number, own);
  assert.equal(realmNumber(), own);
});
