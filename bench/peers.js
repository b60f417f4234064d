// Copyright the iocp authors. MIT license.

// Servers that do what ours do, each written as the users of its library would
// write it at its best: what else one thread can reach. They are built once,
// into the developer cache.
//
//   node bench/peers.js     builds them and says which there are

import { createHash } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  cached,
  describeEnd,
  ensureDebian,
  ensureWine,
  run,
  runOrThrow,
} from "../scripts/setup.js";
import { compileForWindows } from "./peers/windows_c.js";

const sources = join(import.meta.dirname, "peers");
const allRoles = ["echo", "sink", "source", "broadcast"];
const oneToOne = ["echo", "sink", "source"];
const BUILD_MS = 900_000;

/**
 * The peers on this machine: `{ name, system, version, roles, command }`, where
 * `command(role)` is the program to run and its arguments, or, for one that
 * cannot be had, `{ name, system, reason }`. Those whose `system` is "windows"
 * run under Wine: they are there for their calls, not for their speed.
 */
export async function buildPeers() {
  return [
    await peer("libuv", "linux", libuv),
    ...await Promise.all(
      ["tokio", "compio"].map((name) =>
        peer(name, "linux", () => rustPeer(name))
      ),
    ),
    await peer("raw-iocp", "windows", rawIocp),
  ];
}

async function peer(name, system, make) {
  try {
    return { name, system, ...await make() };
  } catch (error) {
    return { name, system, reason: error.message };
  }
}

/* A build is named by what it is made of, so that a change makes a new one. */
async function built(name, what, files, make) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(await readFile(join(sources, file)));
  const digest = hash.digest("hex").slice(0, 12);
  return await cached(`bench-${name}-${digest}`, what, make);
}

function linuxOnly() {
  if (process.platform === "linux") return;
  throw new Error("NotSupported: it is built and run on Linux only");
}

// Runs in the Debian folder, with the sources and the folder of the build. The
// library is taken out of its package, not installed, and linked in, so that
// the program runs outside of that folder as well.
const buildLibuv = `
set -e
cd "$2"
apt-get download -qq libuv1-dev
dpkg-deb -x libuv1-dev_*.deb package
gcc -std=gnu11 -Wall -Wextra -Werror -O2 -Ipackage/usr/include "$1/libuv.c" \\
  -static package/usr/lib/x86_64-linux-gnu/libuv.a -pthread -o libuv
rm -rf package libuv1-dev_*.deb
`;

async function libuv() {
  linuxOnly();
  const { debian, reason } = await ensureDebian();
  if (!debian) throw new Error(`libuv is taken from Debian: ${reason}`);
  const folder = await built(
    "libuv",
    "the libuv peer of the bench",
    ["libuv.c", "../pattern.h"],
    async (partial) => {
      const args = ["-c", buildLibuv, "sh", sources, partial];
      const made = await debian.run("sh", args, { timeout: BUILD_MS });
      if (!made.ok) throw new Error(`${made.output}${describeEnd(made)}`);
    },
  );
  const program = join(folder, "libuv");
  const { stdout } = await runOrThrow(program, ["--version"]);
  return {
    version: stdout.trim(),
    roles: allRoles,
    command: (role) => [program, role],
  };
}

let crates;

async function rustPeer(name) {
  linuxOnly();
  const folder = await (crates ??= buildCrates());
  const lock = await readFile(join(sources, "Cargo.lock"), "utf8");
  const [, version] = new RegExp(`name = "${name}"\nversion = "(.*)"`)
    .exec(lock);
  const program = join(folder, `peer-${name}`);
  return {
    version: name === "compio"
      ? `${version} (${await compioDriver(program)})`
      : version,
    roles: oneToOne,
    command: (role) => [program, role],
  };
}

async function buildCrates() {
  const found = await run("cargo", ["--version"], { timeout: 60_000 });
  if (!found.ok) throw new Error(`cargo is needed: ${describeEnd(found)}`);
  const files = ["Cargo.toml", "Cargo.lock", "pattern.rs"];
  for (const name of ["tokio", "compio"]) {
    files.push(`${name}/Cargo.toml`, `${name}/src/main.rs`);
  }
  return await built(
    "rust",
    "the tokio and compio peers of the bench: cargo takes a minute or two",
    files,
    async (partial) => {
      const target = join(partial, "target");
      await runOrThrow("cargo", [
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        join(sources, "Cargo.toml"),
        "--target-dir",
        target,
      ], { timeout: BUILD_MS });
      for (const name of ["peer-tokio", "peer-compio"]) {
        await copyFile(join(target, "release", name), join(partial, name));
      }
      await runOrThrow("rm", ["-rf", target]);
    },
  );
}

/* Which of its drivers the kernel lets it use, it says itself. */
async function compioDriver(program) {
  const { output } = await run(program, ["--driver"], { timeout: 10_000 });
  return output.trim();
}

async function rawIocp() {
  const program = await buildRawIocp();
  if (process.platform === "win32") {
    return {
      version: "-",
      roles: oneToOne,
      command: (role) => [program, role],
    };
  }
  const { wine, reason } = await ensureWine();
  if (!wine) throw new Error(`it runs under Wine: ${reason}`);
  const { file, args, env } = await wine.command(program, []);
  const settings = Object.entries(env).map(([name, value]) =>
    `${name}=${value}`
  );
  return {
    version: "-",
    roles: oneToOne,
    command: (role) => ["/usr/bin/env", ...settings, file, ...args, role],
  };
}

/** The completion-port server by hand; returns the path of its program. */
export async function buildRawIocp() {
  const folder = await built(
    "raw-iocp",
    "the completion-port peer of the bench",
    ["iocp.c", "../pattern.h"],
    async (partial) => {
      await compileForWindows([
        join(sources, "iocp.c"),
        "-o",
        join(partial, "iocp.exe"),
        "-lws2_32",
      ]);
    },
  );
  return join(folder, "iocp.exe");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, system, version, roles, reason } of await buildPeers()) {
    const what = reason ?? `${version}: ${roles.join(", ")}`;
    console.log(`${name} (${system}) ${what}`);
  }
}
