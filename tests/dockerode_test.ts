// Copyright the iocp authors. MIT license.
/* The library dockerode over connections of this module, by an agent of node:http, and
 * over the runtime's own sockets, to a server of this module. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent } from "node:http";
import { createRequire } from "node:module";
import { type Duplex, PassThrough, type Readable } from "node:stream";
import { test } from "node:test";
import { connect } from "../mod.ts";
import { within } from "./shared/deadline.ts";
import { LOG, withDocker } from "./shared/docker.ts";
import { isWindows } from "./shared/local.ts";

/* What is used of dockerode, which has no types of its own. */
interface Docker {
  version(): Promise<{ Version: string }>;
  listContainers(options: object): Promise<{ Id: string }[]>;
  createContainer(options: object): Promise<{ id: string }>;
  getContainer(id: string): {
    inspect(): Promise<unknown>;
    logs(options: object): Promise<Readable>;
    attach(options: object): Promise<Duplex>;
  };
  modem: {
    demuxStream(stream: Readable, out: PassThrough, errors: PassThrough): void;
  };
}

const Docker = createRequire(import.meta.url)("dockerode") as new (
  options: object,
) => Docker;

/* An agent whose connections are those of this module. */
function agentFor(path: string): Agent {
  const agent = new Agent() as Agent & { createConnection: unknown };
  agent.createConnection = (
    _options: object,
    callback: (error: unknown, stream?: Duplex) => void,
  ) => {
    connect({ path, timeout: 5_000, allowHalfOpen: true })
      .then((conn) => callback(null, conn.duplex()), callback);
  };
  return agent;
}

async function textOf(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

const ways: Record<string, (path: string) => Docker> = {
  "over conn.duplex()": (path) =>
    new Docker({ host: "localhost", port: 80, agent: agentFor(path) }),
  "over its own sockets": (path) => new Docker({ socketPath: path }),
};

for (const [way, open] of Object.entries(ways)) {
  test(`dockerode ${way} asks for the version and the containers`, async () => {
    await withDocker(async (path) => {
      const docker = open(path);
      const { Version } = await within("version", docker.version());
      assert.equal(Version, "27.3.1");
      const list = docker.listContainers({ all: 1 });
      const ids = (await within("list", list)).map(({ Id }) => Id);
      assert.deepEqual(ids, ["0123456789abcdef", "fedcba9876543210"]);
      await within(
        "many at once",
        Promise.all(Array.from({ length: 20 }, () => docker.version())),
      );
    });
  });

  test(`dockerode ${way} sends a body, and gets the server's error`, async () => {
    await withDocker(async (path) => {
      const docker = open(path);
      const creating = docker.createContainer({
        _query: { name: "new" },
        _body: { Image: "größe", Cmd: ["x".repeat(200_000)] },
      });
      assert.equal((await within("create", creating)).id, "created");
      const missing = docker.getContainer("missing").inspect();
      await assert.rejects(
        within("inspect", missing),
        (error: Error & { statusCode?: number }) =>
          error.statusCode === 404 && /page not found/.test(error.message),
      );
    });
  });

  test(`dockerode ${way} receives a log`, async () => {
    await withDocker(async (path) => {
      const docker = open(path);
      const options = { follow: true, stdout: true, stderr: true };
      const logs = docker.getContainer("web").logs(options);
      const stream = await within("logs", logs);
      const out = new PassThrough(), errors = new PassThrough();
      docker.modem.demuxStream(stream, out, errors);
      stream.on("end", () => out.end());
      assert.equal(await within("the log", textOf(out)), LOG);
    });
  });

  test(`dockerode ${way} attaches to a container`, async () => {
    await withDocker(async (path) => {
      const docker = open(path);
      const stream = await within(
        "attach",
        docker.getContainer("web").attach({
          stream: true,
          hijack: true,
          stdin: true,
          stdout: true,
          stderr: true,
        }),
      );
      const out = new PassThrough(), errors = new PassThrough();
      docker.modem.demuxStream(stream, out, errors);
      const ended = once(stream, "end");
      stream.write("hello there\n");
      /* A named pipe has no half-close, so the line is the whole input. */
      if (!isWindows) stream.end();
      await within("the end", ended);
      out.end();
      errors.end();
      assert.equal(await textOf(out), "HELLO THERE\n");
      assert.equal(await textOf(errors), "warned\n");
      stream.destroy();
    });
  });
}
