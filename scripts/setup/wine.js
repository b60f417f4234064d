// Copyright the iocp authors. MIT license.

// Wine 10, which runs the Windows cells on Linux: the machine's own where it is
// new enough (older ones lack bcryptprimitives.dll), else one in a folder.

import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { cached, once } from "./cache.js";
import { run } from "./command.js";
import { ensureDebian } from "./debian.js";
import { inTemporaryFolder } from "./folder.js";

const oldest = 10;
const prefixEdition = 1;
const inDebian = "/usr/lib/wine/wine64";

const prepareOnce = once(prepare);

/**
 * Returns `{ wine, reason }`; without Wine, `wine` is null and the reason says
 * why. With `CI=true` it throws instead: there no cell is skipped.
 */
export async function ensureWine() {
  const found = await prepareOnce();
  if (!found.wine && process.env.CI === "true") {
    throw new Error(`Wine ${oldest} is not available: ${found.reason}`);
  }
  return found;
}

async function prepare() {
  if (process.platform === "win32") {
    return { wine: null, reason: "this is Windows: no Wine is needed" };
  }
  const own = await ownVersion();
  if (own >= oldest) return { wine: await prefixed(null), reason: null };
  const { debian, reason } = await ensureDebian();
  if (debian) return { wine: await prefixed(debian), reason: null };
  const has = own ? `Wine ${own} is too old` : "there is no Wine here";
  return {
    wine: null,
    reason: `${has}, and one in a folder cannot be made: ${reason}`,
  };
}

async function ownVersion() {
  const { ok, stdout } = await run("wine", ["--version"], { timeout: 60_000 });
  return ok ? Number(/wine-(\d+)/.exec(stdout)?.[1] ?? 0) : 0;
}

async function prefixed(debian) {
  const kind = debian ? "debian" : "own";
  const prefix = await cached(
    `wine-prefix-${kind}-${prefixEdition}`,
    "Wine's drive C:",
    (partial) => boot(debian, partial),
  );
  return new Wine(debian, prefix);
}

async function boot(debian, prefix) {
  // The server writes the registry when it ends, and must not be cut short.
  const server = debian ? "/usr/lib/wine/wineserver64" : "wineserver";
  const wine = debian ? inDebian : "wine";
  const script = `"${wine}" wineboot -i; ${server} -w`;
  const env = environment(prefix);
  const timeout = 300_000;
  const { output } = debian
    ? await debian.run("sh", ["-c", script], { env, timeout })
    : await run("sh", ["-c", script], {
      env: { ...process.env, ...env },
      timeout,
    });
  for (const name of ["system.reg", "drive_c/windows/system32/kernel32.dll"]) {
    if (existsSync(join(prefix, name))) continue;
    throw new Error(`wineboot did not make ${name}:\n${output}`);
  }
}

function environment(prefix) {
  return {
    WINEPREFIX: prefix,
    WINEDEBUG: "-all",
    // Without these, Wine offers to download what browsers and .NET need, and
    // puts entries into the desktop's menus.
    WINEDLLOVERRIDES: "mscoree,mshtml=;winemenubuilder.exe=d",
  };
}

export class Wine {
  #debian;
  #prefix;

  constructor(debian, prefix) {
    this.#debian = debian;
    this.#prefix = prefix;
  }

  /** A path of this system as Windows programs see it: Z: is the root. */
  path(path) {
    return `Z:${path.replaceAll("/", "\\")}`;
  }

  /**
   * Runs a Windows program, given by its path on this system, to its end; its
   * environment is only what `options.env` has. The result is that of `run` in
   * command.js.
   *
   * Each run has a Wine server of its own, where sockets are made, so that it
   * can have a network of its own. Two servers must not write to one registry:
   * each has a copy of it. What programs write to the user's folder must not be
   * there for the next run, so that folder is in memory.
   */
  async run(exe, args = [], options = {}) {
    return await inTemporaryFolder("iocp-wine-", async (prefix) => {
      await this.#clone(prefix);
      const env = { ...environment(prefix), ...options.env };
      if (this.#debian) {
        const fresh = await this.#userFolders();
        const all = { ...options, env, fresh };
        return await this.#debian.run(inDebian, [exe, ...args], all);
      }
      const all = { ...options, env: { ...process.env, ...env } };
      const result = await run("wine", [exe, ...args], all);
      await run("wineserver", ["-k"], { ...all, show: false });
      return result;
    });
  }

  async #clone(prefix) {
    for (const name of await readdir(this.#prefix)) {
      const path = join(this.#prefix, name);
      if (/\.reg$|timestamp$/.test(name)) {
        await copyFile(path, join(prefix, name));
      }
    }
    await symlink(join(this.#prefix, "drive_c"), join(prefix, "drive_c"));
    await mkdir(join(prefix, "dosdevices"));
    await symlink("../drive_c", join(prefix, "dosdevices", "c:"));
    await symlink("/", join(prefix, "dosdevices", "z:"));
  }

  async #userFolders() {
    const users = join(this.#prefix, "drive_c", "users");
    return (await readdir(users)).filter((name) => name !== "Public")
      .map((name) => join(users, name, "AppData", "Local"));
  }
}
