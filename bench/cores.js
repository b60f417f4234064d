// Copyright the iocp authors. MIT license.

import { readFile } from "node:fs/promises";

/**
 * Two cores that we may run on, for the server and for the load: the last two
 * that are not halves of one.
 */
export async function chooseCores() {
  const status = await readFile("/proc/self/status", "utf8");
  const [, list] = /^Cpus_allowed_list:\s*(\S+)/m.exec(status);
  const cores = parseList(list).reverse();
  const siblings = await siblingsOf(cores[0]);
  const load = cores.find((core) => !siblings.includes(core)) ?? cores[1];
  if (load === undefined) {
    throw new Error("the bench needs two cores: one for the load");
  }
  return { server: cores[0], load };
}

async function siblingsOf(core) {
  const path = `/sys/devices/system/cpu/cpu${core}/topology/` +
    "thread_siblings_list";
  try {
    return parseList((await readFile(path, "utf8")).trim());
  } catch {
    return [core];
  }
}

/* "0-2,7" is [0, 1, 2, 7]. */
function parseList(text) {
  return text.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
