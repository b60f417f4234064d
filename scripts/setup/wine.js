// Copyright the iocp authors. MIT license.

// Wine 10 of the Debian folder, which runs the Windows cells on Linux.

import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { cached, once } from "./cache.js";
import { ensureDebian } from "./debian.js";
import { inTemporaryFolder } from "./folder.js";

const prefixName = "wine-prefix-debian-1";
const wine64 = "/usr/lib/wine/wine64";

/** Returns `{ wine, reason }`: the reason says why there is none. */
export const ensureWine = once(async () => {
  const { debian, reason } = await ensureDebian();
  if (!debian) return { wine: null, reason };
  const make = (partial) => boot(debian, partial);
  const prefix = await cached(prefixName, "Wine's drive C:", make);
  return { wine: new Wine(debian, prefix), reason: null };
});

async function boot(debian, prefix) {
  // The server writes the registry when it ends, and must not be cut short.
  const script = `${wine64} wineboot -i; /usr/lib/wine/wineserver64 -w`;
  const options = { env: environment(prefix, ""), timeout: 300_000 };
  const { output } = await debian.run("sh", ["-c", script], options);
  for (const name of ["system.reg", "drive_c/windows/system32/kernel32.dll"]) {
    if (existsSync(join(prefix, name))) continue;
    throw new Error(`wineboot did not make ${name}:\n${output}`);
  }
}

function environment(prefix, services = ",plugplay.exe,svchost.exe") {
  return {
    WINEPREFIX: prefix,
    WINEDEBUG: "-all",
    // Otherwise Wine offers to download what browsers and .NET need, changes the
    // desktop's menus, and starts services that no test needs.
    WINEDLLOVERRIDES: `mscoree,mshtml=;winemenubuilder.exe${services}=d`,
  };
}

class Wine {
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
      return await this.#debian.run(wine64, [exe, ...args], {
        ...options,
        env: { ...environment(prefix), ...options.env },
        fresh: await this.#userFolders(),
      });
    });
  }

  async #clone(prefix) {
    const names = (await readdir(this.#prefix))
      .filter((name) => /\.reg$|timestamp$/.test(name));
    for (const name of names) {
      await copyFile(join(this.#prefix, name), join(prefix, name));
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
