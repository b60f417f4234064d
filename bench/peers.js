// Copyright the iocp authors. MIT license.

// Servers in C and Rust that do what ours do, as users of libuv and tokio would
// write them: what else one thread can reach. They are built once, into the
// developer cache, under a name that has the hash of their sources.

import { createHash } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  cached,
  describeEnd,
  ensureDebian,
  run,
  runOrThrow,
} from "../scripts/setup.js";

const sources = join(import.meta.dirname, "peers");
const BUILD_MS = 900_000;

/** The peers on this machine: `{ name, title, roles, command }` or `{ name, reason }`. */
export async function buildPeers() {
  const attempt = async (name, build, roles) => {
    try {
      const { program, version } = await build();
      return {
        name,
        title: `${name} ${version}`,
        roles: Object.fromEntries(roles.map((role) => [role, role])),
        command: (role) => [program, role],
      };
    } catch (error) {
      return { name, reason: error.message };
    }
  };
  return [
    await attempt("libuv", buildLibuv, ["echo", "sink", "source", "broadcast"]),
    await attempt("tokio", buildTokio, ["echo", "sink", "source"]),
  ];
}

async function built(name, files, make) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(await readFile(join(sources, file)));
  const digest = hash.digest("hex").slice(0, 12);
  const what = `the ${name} peer of the bench: takes a minute or two`;
  return await cached(`bench-${name}-${digest}`, what, make);
}

/* The library is taken out of its package, not installed, and linked in, so
 * that the program runs outside of the Debian folder as well. */
const libuvScript = `
set -e
cd "$2"
apt-get download -qq libuv1-dev
dpkg-deb -x libuv1-dev_*.deb package
gcc -std=gnu11 -Wall -Wextra -Werror -O2 -Ipackage/usr/include "$1/libuv.c" \\
  -static package/usr/lib/x86_64-linux-gnu/libuv.a -pthread -o libuv
rm -rf package libuv1-dev_*.deb
`;

async function buildLibuv() {
  const { debian, reason } = await ensureDebian();
  if (!debian) throw new Error(`libuv is taken from Debian: ${reason}`);
  const folder = await built(
    "libuv",
    ["libuv.c", "../pattern.h"],
    async (partial) => {
      const args = ["-c", libuvScript, "sh", sources, partial];
      const made = await debian.run("sh", args, { timeout: BUILD_MS });
      if (!made.ok) throw new Error(`${made.output}${describeEnd(made)}`);
    },
  );
  const program = join(folder, "libuv");
  const { stdout } = await runOrThrow(program, ["--version"]);
  return { program, version: stdout.trim() };
}

async function buildTokio() {
  const found = await run("cargo", ["--version"], { timeout: 60_000 });
  if (!found.ok) throw new Error(`cargo is needed: ${describeEnd(found)}`);
  const files = ["Cargo.toml", "Cargo.lock", "pattern.rs", "main.rs"]
    .map((file) => `tokio/${file}`);
  const folder = await built("tokio", files, async (partial) => {
    const target = join(partial, "target");
    await runOrThrow("cargo", [
      "build",
      "--release",
      "--locked",
      "--manifest-path",
      join(sources, "tokio", "Cargo.toml"),
      "--target-dir",
      target,
    ], { timeout: BUILD_MS });
    await copyFile(
      join(target, "release", "peer-tokio"),
      join(partial, "tokio"),
    );
    await runOrThrow("rm", ["-rf", target]);
  });
  const lock = await readFile(join(sources, "tokio", "Cargo.lock"), "utf8");
  const [, version] = /name = "tokio"\nversion = "(.*)"/.exec(lock);
  return { program: join(folder, "tokio"), version };
}
