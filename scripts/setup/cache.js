// Copyright the iocp authors. MIT license.

// The per-user folder for tools that are too large for the checkout. What is
// in it under its final name is complete: everything is made beside it, under
// a partial name, and renamed at the end.

import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A download can fail on a busy machine or network, and succeed later. */
const TRIES = 3;
const RETRY_MS = 5000;

/** The checkout this file is in. */
export const repository = fileURLToPath(new URL("../..", import.meta.url))
  .replace(/[\\/]$/, "");

/** The folder of tools; `IOCP_DEV_CACHE` moves it. */
export function cacheFolder() {
  if (process.env.IOCP_DEV_CACHE) return resolve(process.env.IOCP_DEV_CACHE);
  const base = process.platform === "win32"
    ? process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local")
    : process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return join(base, "iocp-dev");
}

/**
 * Returns `cache/name`, made by `make(partialFolder)` if it is not there yet.
 * A process waits for another one that is making it; if both began at the same
 * moment, the first to finish wins.
 */
export function cached(name, what, make) {
  let pending = makers.get(name);
  if (pending === undefined) {
    pending = install(name, what, make).finally(() => makers.delete(name));
    makers.set(name, pending);
  }
  return pending;
}

/* The installations that are under way in this process. */
const makers = new Map();

async function install(name, what, make) {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  await otherMakers(name);
  if (existsSync(folder)) return folder;
  const started = Date.now();
  announce(`installing ${what} (once, into the developer cache) ...`);
  const partial = `${folder}.partial-${process.pid}`;
  for (let tries = TRIES; !existsSync(folder);) {
    try {
      await mkdir(partial);
      await make(partial);
      await rename(partial, folder);
    } catch (error) {
      await removeFolder(partial);
      if (existsSync(folder)) break;
      if (--tries === 0) throw error;
      announce(
        `installing ${what} failed and is tried again: ${error.message}`,
      );
      await setTimeout(RETRY_MS);
    }
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  announce(`installed ${what} (${seconds} s)`);
  return folder;
}

// Waits for other processes that make the same, and removes the partial folders
// of those that did not finish.
async function otherMakers(name) {
  for (let announced = false;; announced = true) {
    let maker = null;
    for (const entry of await readdir(cacheFolder())) {
      const match = /^(.*)\.partial-(\d+)$/.exec(entry);
      if (!match || match[1] !== name) continue;
      const pid = Number(match[2]);
      if (pid !== process.pid && isRunning(pid)) maker = pid;
      else await removeFolder(join(cacheFolder(), entry));
    }
    if (maker === null) return;
    if (!announced) {
      announce(`process ${maker} is installing ${name}: waiting ...`);
    }
    await setTimeout(500);
  }
}

async function removeFolder(folder) {
  await rm(folder, { recursive: true, force: true });
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/**
 * Calls `make` once and returns what its promise resolves to, every time. After
 * a failure the next call tries again, so one stage does not spoil the others.
 */
export function once(make) {
  let made;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** Announces a long step, on standard error. */
export function announce(message) {
  process.stderr.write(`iocp: ${message}\n`);
}
