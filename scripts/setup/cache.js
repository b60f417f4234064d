// Copyright the iocp authors. MIT license.

// The per-user folder for tools that are too large for the checkout. What is
// in it under its final name is complete: everything is made beside it, under
// a partial name, and renamed at the end.

import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A download can fail on a busy machine or network, and succeed later. */
const TRIES = 3;
const RETRY_MS = 5000;
/** No installation takes so long. */
const LEFTOVER_MS = 86_400_000;
const all = { recursive: true, force: true };

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
 * Returns `cache/name`, made by `make(partialFolder)` if it is not there yet. Of
 * processes that make it at the same time, the first to finish wins.
 */
export function cached(name, what, make) {
  if (!makers.has(name)) {
    const made = install(name, what, make).finally(() => makers.delete(name));
    makers.set(name, made);
  }
  return makers.get(name);
}

/* The installations that are under way in this process. */
const makers = new Map();

async function install(name, what, make) {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  await removeLeftovers(name);
  const started = Date.now();
  announce(`installing ${what} (once, into the developer cache) ...`);
  const partial = `${folder}.partial-${process.pid}`;
  for (let tries = TRIES; !existsSync(folder);) {
    try {
      await mkdir(partial);
      await make(partial);
      await rename(partial, folder);
    } catch (error) {
      await rm(partial, all);
      if (existsSync(folder)) break;
      if (--tries === 0) throw error;
      announce(`${what}: failed and is tried again: ${error.message}`);
      await setTimeout(RETRY_MS);
    }
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  announce(`installed ${what} (${seconds} s)`);
  return folder;
}

// Removes the partial folders of processes that did not finish.
async function removeLeftovers(name) {
  for (const entry of await readdir(cacheFolder())) {
    if (!entry.startsWith(`${name}.partial-`)) continue;
    const folder = join(cacheFolder(), entry);
    const { mtimeMs } = await stat(folder);
    if (mtimeMs < Date.now() - LEFTOVER_MS) await rm(folder, all);
  }
}

/**
 * Calls `make` once and returns what its promise resolves to, every time. After
 * a failure the next call tries again, so one stage does not spoil the others.
 */
export function once(make) {
  let made;
  const fail = (error) => {
    made = undefined;
    throw error;
  };
  return () => made ??= make().catch(fail);
}

/** Announces a long step, on standard error. */
export function announce(message) {
  process.stderr.write(`iocp: ${message}\n`);
}
