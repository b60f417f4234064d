// Copyright the iocp authors. MIT license.
/* The listening sockets of a service manager: of systemd's own program, and of one that
 * does the same and starts a service again. `npm test` sets the paths of both. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { connect, inheritedListeners, listen } from "../mod.ts";
import { Child, ownRuntime, programPath } from "./shared/child.ts";
import { eventually, within } from "./shared/deadline.ts";
import { noDebian, startDebian } from "./shared/debian.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { isWindows } from "./shared/local.ts";
import { errorFrom } from "./shared/outcome.ts";

const { IOCP_TEST_PEER } = process.env;
const { pid } = process;

function withVariables(
  changes: Record<string, string>,
  call: () => void,
): void {
  Object.assign(process.env, changes);
  try {
    call();
  } finally {
    for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) {
      delete process.env[name];
    }
  }
}

async function answer(
  options: { hostname: string; port: number } | { path: string },
): Promise<number> {
  using conn = await connect(options as { path: string });
  let text = "";
  for await (const chunk of conn) text += new TextDecoder().decode(chunk);
  return Number(text);
}

describe("Without sockets for this process there are none:", () => {
  const table: [title: string, variables: Record<string, string>][] = [
    ["no variables", {}],
    ["no LISTEN_PID", { LISTEN_FDS: "1" }],
    ["another process", { LISTEN_PID: String(pid + 1), LISTEN_FDS: "1" }],
    ["not a number", { LISTEN_PID: "x", LISTEN_FDS: "1" }],
  ];
  for (const [title, variables] of table) {
    test(title, () => {
      withVariables(variables, () => {
        assert.deepEqual(inheritedListeners(), []);
      });
    });
  }
});

describe("Variables that contradict each other are a TypeError:", () => {
  const table: [title: string, variables: Record<string, string>][] = [
    ["no LISTEN_FDS", {}],
    ["LISTEN_FDS of 0", { LISTEN_FDS: "0" }],
    ["LISTEN_FDS of -1", { LISTEN_FDS: "-1" }],
    ["LISTEN_FDS of 1.5", { LISTEN_FDS: "1.5" }],
    ["LISTEN_FDS of 1e1", { LISTEN_FDS: "1e1" }],
    ["LISTEN_FDS with a space", { LISTEN_FDS: " 1" }],
    ["an empty LISTEN_FDS", { LISTEN_FDS: "" }],
    ["a LISTEN_FDS that is no number", { LISTEN_FDS: "x" }],
    ["more than a process can have", { LISTEN_FDS: "1048577" }],
    ["far more than that", { LISTEN_FDS: "9".repeat(400) }],
    ["too few names", { LISTEN_FDS: "2", LISTEN_FDNAMES: "a" }],
    ["too many names", { LISTEN_FDS: "1", LISTEN_FDNAMES: "a:b" }],
  ];
  for (const [title, variables] of table) {
    test(title, () => {
      withVariables({ LISTEN_PID: String(pid), ...variables }, () => {
        assert.throws(() => inheritedListeners(), {
          name: "TypeError",
          message: /"LISTEN_FD(S|NAMES)" argument must be/,
        });
        /* They are left for whoever can make sense of them. */
        assert.equal(process.env["LISTEN_PID"], String(pid));
      });
    });
  }
});

test("Wrong options leave the variables, and so the sockets", () => {
  withVariables({ LISTEN_PID: String(pid), LISTEN_FDS: "1" }, () => {
    assert.throws(() => inheritedListeners({ backlog: 0 }), RangeError);
    assert.throws(
      () => inheritedListeners({ ticket: new Uint8Array(16) } as never),
      TypeError,
    );
    assert.equal(process.env["LISTEN_FDS"], "1");
  });
});

describe("A descriptor that is not what the variables say is refused:", () => {
  const table: [title: string, redirection: string, error: RegExp][] = [
    ["a file", "3</dev/null", /it is not a socket: handle 3/],
    ["closed", "3<&-", /it is not a socket: handle 3/],
  ];
  for (const [title, redirection, error] of table) {
    test(title, {
      skip: isWindows && "a service of Windows gets no sockets",
    }, async () => {
      const script = `LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" ${redirection}`;
      const args = ["-c", script, "sh", ...command("activated")];
      using child = new Child("/bin/sh", args, {});
      const { code, stderr } = await within("the end", child.ended);
      assert.notEqual(code, 0);
      assert.match(stderr, error);
    });
  }
});

describe("One that cannot be taken closes those before it:", () => {
  const table: [title: string, kind: string][] = [
    ["a socket of datagrams", "d"],
    ["a socket that does not listen", "s"],
  ];
  for (const [title, kind] of table) {
    test(title, {
      skip: isWindows && "a service of Windows gets no sockets" ||
        IOCP_TEST_PEER === undefined && "npm test sets the path of the program",
    }, async () => {
      /* Descriptors 3, 4 and 5: two listeners, and the other between them. */
      const args = [
        "activate-with",
        `l${kind}l`,
        ...command("refused_service"),
      ];
      using child = new Child(IOCP_TEST_PEER!, args, {});
      const [, shown] = await within("start", child.output(/refused (.*)/));
      const { code, message } = JSON.parse(shown!);
      assert.equal(code, "EINVAL");
      assert.match(message, /it does not listen for streams: handle 4/);
      const ports = [...child.stdout.matchAll(/bound (\d+)/g)];
      const [before, , after] = ports.map(([, port]) => Number(port));
      const hostname = "127.0.0.1";
      const refused = await errorFrom(connect({ hostname, port: before! }));
      assert.equal(refused.code, "ECONNREFUSED");
      /* Those after it are left as they were. */
      (await connect({ hostname, port: after! })).close();
    });
  }
});

test("On Windows the variables of a service are refused", {
  skip: !isWindows && "Linux has services with sockets",
}, () => {
  withVariables({ LISTEN_PID: String(pid), LISTEN_FDS: "1" }, () => {
    assert.throws(() => inheritedListeners(), {
      name: "NotSupported",
      message: /^Cannot listen with fd: a socket of Windows is a handle/,
    });
  });
});

/* The command of a program in this runtime. */
function command(name: string): string[] {
  const flags = ownRuntime.name === "deno"
    ? ["run", "-A", "--quiet", "--no-check", "--no-lock"]
    : [];
  return [ownRuntime.path, ...flags, programPath(name)];
}

test("A service gets its listeners, also after it was killed", {
  skip: isWindows && "a service of Windows gets no sockets" ||
    IOCP_TEST_PEER === undefined && "npm test sets the path of the program",
}, async () => {
  const runs = 3;
  const args = ["activate", String(runs), ...command("activated")];
  using manager = new Child(IOCP_TEST_PEER!, args, {});
  const [, port] = await within("start", manager.output(/listening (\d+)/));
  const [, name] = await manager.output(/local (\S+)/);
  const tcp = { hostname: "127.0.0.1", port: Number(port) };
  const local = { path: `\0${name}` };
  for (let i = 0; i < runs; i++) {
    /* The former process accepts nothing any more. */
    await within("the start", manager.output(/process \d+/));
    /* Made while the service starts. */
    const answers = Promise.all([answer(tcp), answer(local)]);
    const [, shown, again] = await within(
      "the listeners",
      manager.output(/inherited (\[.*\]) (\d)/),
    );
    assert.deepEqual(JSON.parse(shown!), [
      { name: "web", fd: 3, addr: { transport: "tcp", ...tcp } },
      { name: "local", fd: 4, addr: { transport: "unix", ...local } },
    ]);
    assert.equal(again, "0");
    const [, variables] = await manager.output(/variables (\[.*\])/);
    assert.equal(variables, "[]");
    const [web, other] = await within("the answers", answers);
    assert.equal(web, other);
    assert.equal(await answer(tcp), web);
    /* It cannot close anything, and the next process gets the same sockets. */
    manager.stdout = "";
    process.kill(web!, "SIGKILL");
  }
  const { code, stderr } = await manager.ended;
  assert.equal(code, 0, stderr);
});

test("systemd-socket-activate starts a service with its sockets", {
  skip: noDebian,
}, async () => {
  using folder = new TemporaryFolder();
  const path = folder.join("local");
  /* It does not print a port that the system chooses. */
  const free = listen({ hostname: "127.0.0.1", port: 0 });
  const { addr } = free;
  free.close();
  using manager = startDebian("systemd-socket-activate", [
    ...["-l", `127.0.0.1:${addr.port}`, "-l", path, "--fdname=web:local"],
    ...["-E", "NO_COLOR", "-E", "DENO_NO_UPDATE_CHECK"],
    ...command("activated"),
  ]);
  await eventually("it listens", () => manager.stderr.includes(`${path} as 4`));
  /* This connection starts the service, which answers it. */
  const answering = answer({ hostname: "127.0.0.1", port: addr.port });
  const [, shown, again] = await within(
    "the listeners",
    manager.output(/inherited (\[.*\]) (\d)/),
  );
  assert.deepEqual(JSON.parse(shown!), [
    { name: "web", fd: 3, addr },
    { name: "local", fd: 4, addr: { transport: "unix", path } },
  ]);
  assert.equal(again, "0");
  const [, variables] = await manager.output(/variables (\[.*\])/);
  assert.equal(variables, "[]");
  /* It has become the service. */
  const { pid } = manager.process;
  assert.equal(await within("the answer", answering), pid);
  assert.equal(await within("the answer", answer({ path })), pid);
});
