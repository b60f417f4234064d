// Copyright the iocp authors. MIT license.
/* The programs of examples/ that use local sockets. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  type ChildOptions,
  type Ended,
  ownRuntime,
  start,
} from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { withDocker } from "./shared/docker.ts";
import { repositoryPath } from "./shared/files.ts";

function startExample(name: string, args: string[], options: ChildOptions) {
  return start(repositoryPath(`examples/${name}.ts`), args, options);
}

async function runExample(
  name: string,
  args: string[],
  options: ChildOptions,
): Promise<Ended & { pid: number }> {
  using child = startExample(name, args, options);
  return { ...await child.ended, pid: child.process.pid! };
}

/* Both ends of ipc.ts, the client in another runtime if there is one. */
test("ipc.ts answers its client", async () => {
  const { IOCP_TEST_DENO, IOCP_TEST_BUN } = process.env;
  const path = ownRuntime.name === "deno" ? IOCP_TEST_BUN : IOCP_TEST_DENO;
  const name = ownRuntime.name === "deno" ? "bun" : "deno";
  const other = path === undefined ? ownRuntime : { name, path } as const;
  const env = { IPC_NAME: `iocp-test-ipc-${process.pid}` };
  using server = startExample("ipc", ["server"], { env });
  const [, shown] = await within(
    "its start",
    server.output(/^listening on (.*)$/m),
  );
  assert.ok(shown!.trim().endsWith(env.IPC_NAME));
  for (const runtime of [ownRuntime, other, other]) {
    const words = ["client", "four", "words are these"];
    const ended = await runExample("ipc", words, { env, runtime });
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(JSON.parse(ended.stdout), {
      count: 4,
      pid: server.process.pid,
      yourPid: ended.pid,
    });
  }
});

test("docker.ts prints the version and the containers", async () => {
  await withDocker(async (path) => {
    const options = { env: { DOCKER_SOCKET: path } };
    const { code, stdout, stderr } = await runExample("docker", [], options);
    assert.equal(code, 0, stderr);
    assert.equal(
      stdout,
      "Docker 27.3.1\n0123456789ab running /web\nfedcba987654 exited /db\n",
    );
  });
});

test("docker.ts attaches to a container", async () => {
  await withDocker(async (path) => {
    const options = { env: { DOCKER_SOCKET: path } };
    const args = ["attach", "web", "hello there"];
    const { code, stdout, stderr } = await runExample("docker", args, options);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "HELLO THERE\n");
    assert.ok(stderr.includes("warned\n"), stderr);
  });
});
