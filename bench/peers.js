// Copyright the iocp authors. MIT license.

// Servers that do what ours do, each written as the users of its library would
// write it at its best: what else one thread can reach. They are built once,
// into the developer cache.
//
//   node bench/peers.js     builds them and says which there are

import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  describeEnd,
  ensureDebian,
  run,
  runOrThrow,
} from "../scripts/setup.js";
import { built } from "./peers/built.js";

const sources = join(import.meta.dirname, "peers");
const allRoles = ["echo", "sink", "source", "broadcast"];
const oneToOne = ["echo", "sink", "source"];
const BUILD_MS = 900_000;

/**
 * The peers on this machine: `{ name, version, roles, command }`, where
 * `command(role)` is the program to run and its arguments, or, for one that
 * cannot be had, `{ name, reason }`.
 */
export async function buildPeers() {
  return [
    await peer("libuv", libuv),
    await peer("tokio", () => rustPeer("tokio")),
    await peer("compio", () => rustPeer("compio")),
  ];
}

async function peer(name, make) {
  try {
    return { name, ...await make() };
  } catch (error) {
    return { name, reason: error.message };
  }
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
    ["libuv.c", "../pattern.h"].map((file) => join(sources, file)),
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
    files.map((file) => join(sources, file)),
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, version, roles, reason } of await buildPeers()) {
    const what = reason === undefined
      ? `${version}: ${roles.join(", ")}`
      : `left out: ${reason}`;
    console.log(`${name} ${what}`);
  }
}
