// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import * as iocp from "../mod.ts";
import { type Context, runCheck } from "../src/doctor/check.ts";
import { parseArguments, UsageError } from "../src/doctor/command_line.ts";
import { CHECKS, examine } from "../src/doctor/doctor.ts";
import {
  parseDynamicPorts,
  parseOpenFiles,
  parsePortRanges,
} from "../src/doctor/limits.ts";
import { Checksum, testBytes } from "../src/doctor/checksum.ts";
import { judgeProviders, parseProvider } from "../src/doctor/providers.ts";
import { parseRegistry } from "../src/doctor/registry.ts";
import {
  type CheckResult,
  type Report,
  withoutHome,
} from "../src/doctor/report.ts";
import { textOf } from "../src/doctor/text.ts";
import { transportChecks } from "../src/doctor/transports.ts";
import { expectedHash } from "../src/native/library_search.ts";
import { currentHost } from "../src/runtime/current_host.ts";
import { VERSION } from "../src/version.ts";
import { type ChildOptions, type Ended, start } from "./shared/child.ts";
import { copyModule, repositoryPath, TemporaryFolder } from "./shared/files.ts";
import { readText } from "./shared/header.ts";

const isWindows = process.platform === "win32";
const isDeno = "Deno" in globalThis;
const target = isWindows ? "windows_x86_64" : "linux_x86_64";
const libraryFile = isWindows ? "iocp.dll" : "libiocp.so";
const program = repositoryPath("cli.ts");
const ownLibrary = repositoryPath(`ffi/prebuilt/${target}/${libraryFile}`);
const own: ChildOptions = { env: { IOCP_LIBRARY: undefined } };

/* The identifiers of checks in docs/doctor.md, in order. */
const IDS = [
  "runtime",
  "system",
  "library",
  "permissions",
  "limits",
  "providers",
  "tcp-ipv4",
  "tcp-ipv6",
  "tcp-localhost",
  "tcp-half-close",
  "tcp-refused",
  "tcp-reset",
  "tcp-options",
  "unix",
  "pipe",
];

type Listen = (options: iocp.ListenOptions) => iocp.Listener;
type Connect = (options: iocp.ConnectOptions) => Promise<iocp.Conn>;

async function runProgram(
  args: string[],
  options: ChildOptions = own,
  path = program,
): Promise<Ended> {
  using child = start(path, args, options);
  const ended = await child.ended;
  assert.doesNotMatch(ended.stdout + ended.stderr, /^ +at /m);
  return ended;
}

async function report(
  args: string[] = [],
  options: ChildOptions = own,
  path = program,
): Promise<{ code: number | null; report: Report }> {
  const ended = await runProgram(["doctor", "--json", ...args], options, path);
  const { code, stdout, stderr } = ended;
  assert.ok(stdout.startsWith("{"), `${stdout}\n${stderr}`);
  return { code, report: JSON.parse(stdout) as Report };
}

function find({ checks }: Report, id: string): CheckResult {
  const found = checks.find((check) => check.id === id);
  assert.ok(found, id);
  return found;
}

/* The identifiers of the checks with this status. */
function idsOf(report: Report, status: string): string[] {
  const checks = report.checks.filter((check) => check.status === status);
  return checks.map(({ id }) => id);
}

test("doctor --json reports no problem where everything works", async () => {
  const { code, report: all } = await report();
  const text = JSON.stringify(all, null, 2);
  assert.deepEqual(idsOf(all, "failed"), [], text);
  assert.equal(code, 0);
  assert.deepEqual(
    [all.schemaVersion, all.status, all.version],
    [1, "ok", VERSION],
  );
  assert.deepEqual(all.checks.map(({ id }) => id), IDS);
  for (const check of all.checks) {
    assert.deepEqual(Object.keys(check), [
      "id",
      "status",
      "summary",
      "advice",
      "facts",
      "error",
      "durationMs",
    ]);
  }
  const [own, other] = isWindows ? ["pipe", "unix"] : ["unix", "pipe"];
  assert.equal(find(all, own).status, "ok", text);
  assert.equal(find(all, other).status, "skipped", text);
  const runtime = find(all, "runtime").facts;
  assert.equal(runtime["name"], isDeno ? "Deno" : "Bun");
  const library = find(all, "library").facts;
  assert.equal(library["sha256"], expectedHash(target));
  assert.equal(library["expectedSha256"], expectedHash(target));
  assert.match(`${library["path"]}`, /libiocp\.so$|iocp\.dll$/);
  const system = find(all, "system").facts;
  assert.equal(system["platform"], process.platform);
  assert.match(`${system["release"]}`, /^\d+\.\d+/);
  for (const id of ["tcp-ipv4", "tcp-localhost", "tcp-half-close"]) {
    assert.equal(find(all, id).status, "ok", text);
  }
  assert.equal(find(all, "tcp-refused").facts["code"], "ECONNREFUSED");
  assert.notEqual(find(all, "tcp-reset").facts["errno"], 0);
  const { outcomes } = find(all, "tcp-options").facts as {
    outcomes: Record<string, string>;
  };
  assert.equal(outcomes["noDelay"], "ok");
});

test("doctor prints a line for each check, and a verdict", async () => {
  const { code, stdout, stderr } = await runProgram(["doctor"]);
  assert.equal(code, 0, stderr);
  for (const id of IDS) assert.match(stdout, new RegExp(`^\\w+ +${id} `, "m"));
  assert.match(stdout, /^Everything that was checked works\.\r?\n$/m);
});

test("iocp --help and --version succeed", async () => {
  const help = await runProgram(["doctor", "--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^usage: iocp doctor/);
  const version = await runProgram(["--version"]);
  assert.equal(version.code, 0);
  assert.equal(version.stdout.trim(), VERSION);
});

test("iocp exits with 2 after a wrong argument and names it", async () => {
  const { code, stdout, stderr } = await runProgram(["doctor", "--wrong"]);
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /^iocp: no such option: --wrong\r?\n\r?\nusage: /);
});

test("parseArguments() checks every argument", () => {
  assert.deepEqual(parseArguments(["doctor", "--port=80", "--timeout", "5"]), {
    command: "doctor",
    isJson: false,
    timeoutMs: 5_000,
    port: 80,
  });
  const wrong = [
    [],
    ["nurse"],
    ["doctor", "--port"],
    ["doctor", "--port", "0"],
    ["doctor", "--port", "65536"],
    ["doctor", "--port", "http"],
    ["doctor", "--timeout=0"],
    ["doctor", "--timeout", "1.5"],
    ["doctor", "--json=yes"],
    ["doctor", "more"],
  ];
  for (const args of wrong) {
    assert.throws(() => parseArguments(args), UsageError, args.join(" "));
  }
});

test("doctor reports a damaged library", async () => {
  using folder = new TemporaryFolder();
  copyModule(folder);
  cpSync(program, folder.join("cli.ts"));
  mkdirSync(folder.join("ffi", "prebuilt", target), { recursive: true });
  const path = folder.join("ffi", "prebuilt", target, libraryFile);
  writeFileSync(path, "damaged");
  const { code, report: all } = await report([], own, folder.join("cli.ts"));
  assert.equal(code, 1);
  assert.equal(all.status, "failed");
  assert.deepEqual(idsOf(all, "failed"), ["library"]);
  const { summary, error } = find(all, "library");
  assert.match(summary, /not the build that this module embeds/);
  assert.equal(error?.name, "LibraryError");
  assert.equal(find(all, "tcp-ipv4").status, "skipped");
});

test("doctor names the permissions that the embedded library needs", {
  skip: !isDeno && "Bun has no permissions",
}, async () => {
  using folder = new TemporaryFolder();
  copyModule(folder);
  cpSync(program, folder.join("cli.ts"));
  const flags = ["--allow-ffi", "--allow-net", "--allow-read", "--allow-env"];
  const variable = isWindows ? "LOCALAPPDATA" : "XDG_CACHE_HOME";
  const env = { IOCP_LIBRARY: undefined, [variable]: folder.join("cache") };
  const options = { env, flags };
  const { code, report: all } = await report(
    [],
    options,
    folder.join("cli.ts"),
  );
  assert.equal(code, 1);
  assert.deepEqual(idsOf(all, "failed"), ["library"]);
  const { advice } = find(all, "library");
  assert.match(advice.join(), /extracted, which needs --allow-write$/);
});

test("doctor reports another library in IOCP_LIBRARY", async () => {
  using folder = new TemporaryFolder();
  const text = folder.write("text", "not a library");
  const refused = await report([], { env: { IOCP_LIBRARY: text } });
  assert.equal(refused.code, 1);
  assert.deepEqual(idsOf(refused.report, "failed"), ["library"]);
  /* A different file that still works: loaders ignore trailing bytes. */
  const other = folder.join(libraryFile);
  cpSync(ownLibrary, other);
  writeFileSync(other, "more", { flag: "a" });
  const used = await report([], { env: { IOCP_LIBRARY: other } });
  assert.equal(used.code, 0);
  const { status, advice, facts } = find(used.report, "library");
  assert.equal(status, "warning");
  assert.notEqual(facts["sha256"], facts["expectedSha256"]);
  assert.match(advice.join(), /IOCP_LIBRARY/);
});

test("doctor --port reports a port that is in use", async () => {
  using listener = iocp.listen({ hostname: "127.0.0.1", port: 0 });
  const port = `${listener.addr.port}`;
  const { code, report: all } = await report(["--port", port]);
  assert.equal(code, 1);
  assert.deepEqual(idsOf(all, "failed"), ["tcp-listen"]);
  const { error, advice } = find(all, "tcp-listen");
  assert.equal(error?.code, "EADDRINUSE");
  assert.notEqual(error?.errno, 0);
  assert.match(advice.join(), /another program listens on this port/);
});

test("doctor --port reports a port that is free", async () => {
  const listener = iocp.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { code, report: all } = await report([`--port=${port}`]);
  assert.equal(code, 0, JSON.stringify(all));
  assert.equal(find(all, "tcp-listen").status, "ok");
});

const skipInBun = !isDeno && "Bun has no permissions";
const PERMISSIONS = ["ffi", "net", "env", "read", "write", "sys", "run"];

test(
  "doctor names missing permissions",
  { skip: skipInBun },
  async () => {
    /* Deno grants a child process all permissions if its flags have none. */
    const flags = ["--allow-env=IOCP_NONE"];
    const { code, report: all } = await report([], { ...own, flags });
    assert.equal(code, 1);
    assert.deepEqual(idsOf(all, "failed"), ["permissions"]);
    const { advice, facts } = find(all, "permissions");
    for (const name of PERMISSIONS) {
      assert.equal(facts[name], "prompt");
      if (name === "run" && !isWindows) continue;
      assert.ok(advice.some((text) => text.startsWith(`--allow-${name} `)));
    }
    assert.equal(find(all, "tcp-ipv4").status, "skipped");
  },
);

test(
  "doctor works when any single permission is denied",
  { skip: skipInBun },
  async () => {
    /* Processes start slowly under Wine, so there the optional permissions are
     * denied together. */
    const [ffi, net, ...optional] = PERMISSIONS.map((name) => [name]);
    const together = [ffi!, net!, optional.flat()];
    for (const denied of isWindows ? together : [ffi!, net!, ...optional]) {
      const flags = PERMISSIONS.map((name) =>
        denied.includes(name) ? `--deny-${name}` : `--allow-${name}`
      );
      const { code, report: all } = await report([], { ...own, flags });
      const text = `without ${denied}: ${JSON.stringify(all, null, 2)}`;
      assert.doesNotMatch(text, /Requires/);
      const isRequired = denied === ffi || denied === net;
      assert.equal(code, isRequired ? 1 : 0, text);
      assert.deepEqual(
        idsOf(all, "failed"),
        isRequired ? ["permissions"] : [],
        text,
      );
      const { facts } = find(all, "permissions");
      for (const name of denied) assert.equal(facts[name], "denied");
      const echo = find(all, "tcp-ipv4").status;
      assert.equal(echo, isRequired ? "skipped" : "ok", text);
    }
  },
);

test(
  "doctor tests only the allowed hosts",
  { skip: skipInBun },
  async () => {
    const flags = ["--allow-ffi", "--allow-read", "--allow-net=127.0.0.1"];
    const { code, report: all } = await report([], { ...own, flags });
    assert.equal(code, 0, JSON.stringify(all, null, 2));
    assert.equal(find(all, "permissions").facts["net"], "partial");
    assert.equal(find(all, "tcp-ipv4").status, "ok");
    const { status, advice } = find(all, "tcp-localhost");
    assert.equal(status, "skipped");
    assert.match(advice.join(), /--allow-net=localhost/);
  },
);

const context: Context = { host: currentHost(), isWindows, iocp };

test("runCheck() ends a check after its timeout", async () => {
  let isClosed = false;
  const result = await runCheck(
    {
      id: "stuck",
      run(_, defer) {
        defer(() => {
          throw new Error("cannot close");
        });
        defer(() => isClosed = true);
        return new Promise(() => {});
      },
    },
    context,
    20,
  );
  assert.equal(result.status, "failed");
  assert.match(result.summary, /No result within 20 ms/);
  assert.match(result.advice.join(), /--timeout/);
  assert.ok(isClosed);
});

test("examine() skips checks after its time limit", async () => {
  const stuck = { id: "stuck", run: () => new Promise<never>(() => {}) };
  const later = { id: "later", run: () => assert.fail("was run") };
  const checks = [stuck, later];
  const all = await examine(currentHost(), { timeoutMs: 20 }, checks);
  assert.equal(all.status, "failed");
  assert.deepEqual(idsOf(all, "failed"), ["stuck"]);
  assert.match(textOf(all), /skipped +later +the time limit is reached/);
});

test("examine() reports a check that throws any value", async () => {
  const checks = [
    { id: "error", run: () => Promise.reject(new RangeError("out of range")) },
    { id: "nothing", run: () => Promise.reject(undefined) },
  ];
  const finding = { status: "ok", summary: "" } as const;
  const ok = { id: "ok", run: () => finding };
  const options = { timeoutMs: 10_000 };
  const all = await examine(currentHost(), options, [ok, ...checks]);
  assert.deepEqual(idsOf(all, "failed"), ["error", "nothing"]);
  assert.equal(find(all, "error").error?.name, "RangeError");
});

/* The module with one fault in its sockets. */
function faulty(change: (port: iocp.CompletionPort) => void): Context {
  class CompletionPort extends iocp.CompletionPort {
    constructor() {
      super();
      change(this);
    }
  }
  return { ...context, iocp: { ...iocp, CompletionPort } };
}

async function resultOf(id: string, faults: Context): Promise<CheckResult> {
  const check = transportChecks.find((one) => one.id === id)!;
  return await runCheck(check, faults, 60_000);
}

test("The self-tests report a connection that is refused", async () => {
  const faults = faulty((port) => {
    port.connect = (): Promise<never> => {
      const options = { syscall: "connect", errno: 10061 };
      return Promise.reject(new iocp.SocketError("ECONNREFUSED", options));
    };
  });
  const { status, error, advice } = await resultOf("tcp-ipv4", faults);
  assert.equal(status, "failed");
  assert.deepEqual(
    [error?.code, error?.syscall, error?.errno],
    ["ECONNREFUSED", "connect", 10061],
  );
  assert.match(advice.join(), /firewall/);
});

test("The self-tests skip IPv6 on a system without it", async () => {
  const faults = faulty((port) => {
    port.listen = () => {
      throw new iocp.SocketError("EADDRNOTAVAIL", { syscall: "bind" });
    };
  });
  assert.equal((await resultOf("tcp-ipv6", faults)).status, "skipped");
  assert.equal((await resultOf("tcp-ipv4", faults)).status, "failed");
});

test("The self-tests detect changed and lost bytes", async () => {
  const faults = faulty((port) => {
    const listen = port.listen.bind(port);
    const faultyListen: Listen = (options) => {
      const listener = listen(options);
      const accept = listener.accept.bind(listener);
      listener.accept = async () => {
        const conn = await accept();
        const write = conn.write.bind(conn);
        conn.write = (p) => {
          const bytes = p as Uint8Array;
          bytes[0] = bytes[0]! ^ 1;
          return write(p);
        };
        return conn;
      };
      return listener;
    };
    port.listen = faultyListen as typeof port.listen;
  });
  const { status, summary } = await resultOf("tcp-ipv4", faults);
  assert.equal(status, "failed");
  assert.match(summary, /1048576 bytes came back changed/);
  const checksum = new Checksum();
  checksum.add(testBytes(10).subarray(1));
  assert.throws(() => checksum.requireSame(testBytes(10)), /9 of 10 bytes/);
});

test("The self-tests detect an option that is not set", async () => {
  const faults = faulty((port) => {
    const connect = port.connect.bind(port);
    const faultyConnect: Connect = async (options) => {
      const conn = await connect(options);
      const setOptions = conn.setOptions.bind(conn);
      conn.setOptions = ({ noDelay, ...rest }) =>
        noDelay === undefined ? setOptions(rest) : undefined;
      return conn;
    };
    port.connect = faultyConnect as typeof port.connect;
  });
  const { status, summary } = await resultOf("tcp-options", faults);
  assert.equal(status, "failed");
  assert.equal(summary, "noDelay: set to false, reads as true");
});

test("CHECKS has each documented identifier once", () => {
  assert.deepEqual(CHECKS.map(({ id }) => id), IDS);
  const text = readText("docs/doctor.md");
  for (const id of [...IDS, "tcp-listen"]) {
    assert.ok(text.includes(`\`${id}\``));
  }
});

test("withoutHome() hides the user's folder in every text", () => {
  const value = { a: "/home/me/x", b: ["in /home/me", 1, null], c: true };
  assert.deepEqual(withoutHome(value, "/home/me"), {
    a: "~/x",
    b: ["in ~", 1, null],
    c: true,
  });
  assert.equal(withoutHome(value, undefined), value);
  assert.equal(withoutHome(value, "/"), value);
});

test("parseOpenFiles() reads /proc/self/limits", () => {
  const text = "Limit  Soft Limit  Hard Limit  Units\n" +
    "Max open files            1024                 unlimited      files\n";
  assert.deepEqual(parseOpenFiles(text), { soft: 1024, hard: Infinity });
  assert.equal(parseOpenFiles(""), undefined);
});

test("parseDynamicPorts() reads netsh in any language", () => {
  const ports = { first: 49152, count: 16384 };
  for (
    const text of [
      "\r\nProtocol tcp Dynamic Port Range\r\n-----\r\nStart Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n",
      "\r\nDynamischer Portbereich für Protokoll TCP\r\n-----\r\nStartport       : 49152\r\nAnzahl von Ports : 16384\r\n",
    ]
  ) assert.deepEqual(parseDynamicPorts(text), ports);
  assert.equal(parseDynamicPorts(""), undefined);
});

test("parsePortRanges() reads the reserved ranges of netsh", () => {
  const text = "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\n" +
    "Start Port    End Port\r\n----------    --------\r\n" +
    "      5357        5357\r\n     50000       50059     *\r\n\r\n" +
    "* - Administered port exclusions.\r\n";
  assert.deepEqual(parsePortRanges(text), [[5357, 5357], [50000, 50059]]);
});

/* A value of the Winsock catalog in the output of reg.exe. */
function catalogItem(flags: number, type: number, path: string): string {
  const bytes = Buffer.alloc(888);
  bytes.write(path, "latin1");
  bytes.writeUInt32LE(flags, 260);
  bytes.writeInt32LE(1, 300);
  bytes.writeInt32LE(2, 336);
  bytes.writeInt32LE(type, 348);
  bytes.write("MSAFD Tcpip [TCP/IP]", 376, "utf16le");
  return `    PackedCatalogItem    REG_BINARY    ${bytes.toString("hex")}`;
}

test("parseProvider() reads the Winsock catalog", () => {
  const path = "%SystemRoot%\\system32\\mswsock.dll";
  const output = [
    "",
    "HKEY_LOCAL_MACHINE\\SYSTEM\\X\\000000000001",
    catalogItem(0x20066, 1, path),
    "    ProtocolName    REG_SZ    @%SystemRoot%\\System32\\wshtcpip.dll",
    "",
    "HKEY_LOCAL_MACHINE\\SYSTEM\\X\\000000000002",
    catalogItem(0x66, 1, "C:\\bad.dll"),
    catalogItem(0x20609, 2, path),
    "    Short    REG_BINARY    00",
  ].join("\r\n");
  const values = parseRegistry(output);
  assert.equal(values.length, 5);
  const providers = values.map(parseProvider).filter((one) =>
    one !== undefined
  );
  const tcp = {
    name: "MSAFD Tcpip [TCP/IP]",
    family: "ipv4",
    chainLength: 1,
  } as const;
  assert.deepEqual(providers, [
    { ...tcp, path, hasIfsHandles: true },
    { ...tcp, path: "C:\\bad.dll", hasIfsHandles: false },
  ]);
  assert.equal(judgeProviders(providers.slice(0, 1)).status, "ok");
  const { status, advice } = judgeProviders(providers);
  assert.equal(status, "warning");
  assert.match(advice!.join(), /C:\\bad\.dll/);
});
