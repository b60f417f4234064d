// Copyright the iocp authors. MIT license.
/* The resident memory of this process. */

import process from "node:process";
import { openLibrary } from "./ffi.ts";

/* Offsets of the fields of MEMORY_BASIC_INFORMATION that are used. */
const INFORMATION_BYTES = 48;
const BASE_AT = 0;
const SIZE_AT = 24;
const STATE_AT = 32;
const TYPE_AT = 40;
const MEM_COMMIT = 0x1000;
const MEM_PRIVATE = 0x20000;

/* PSAPI_WORKING_SET_EX_INFORMATION of a page: its address and its attributes,
 * each as two 32-bit halves. */
const PAGE_BYTES = 4096;
const PAGES_AT_ONCE = 8192;
const HALVES = 4;
const ATTRIBUTES = 2;
const VALID = 1;

interface Kernel32 {
  GetCurrentProcess(): unknown;
  VirtualQuery(address: number, information: Uint8Array, size: number): number;
  K32QueryWorkingSetEx(
    process: unknown,
    pages: Uint32Array,
    size: number,
  ): number;
}

function openKernel(): Kernel32 {
  return openLibrary<Kernel32>("kernel32.dll", {
    GetCurrentProcess: { parameters: [], result: "pointer" },
    VirtualQuery: { parameters: ["usize", "buffer", "usize"], result: "i32" },
    K32QueryWorkingSetEx: {
      parameters: ["pointer", "buffer", "i32"],
      result: "i32",
    },
  });
}

/* Counts the resident pages of an address range. */
function pageCounter(kernel: Kernel32): (from: number, to: number) => number {
  const self = kernel.GetCurrentProcess();
  const pages = new Uint32Array(PAGES_AT_ONCE * HALVES);
  return (from, to) => {
    let total = 0;
    while (from < to) {
      const rest = (to - from) / PAGE_BYTES;
      const end = Math.min(rest, PAGES_AT_ONCE) * HALVES;
      for (let at = 0; at < end; at += HALVES, from += PAGE_BYTES) {
        pages[at] = from % 2 ** 32;
        pages[at + 1] = from / 2 ** 32;
      }
      if (kernel.K32QueryWorkingSetEx(self, pages, end * 4) === 0) {
        throw new Error("QueryWorkingSetEx has failed");
      }
      for (let at = 0; at < end; at += HALVES) {
        total += pages[at + ATTRIBUTES]! & VALID;
      }
    }
    return total;
  };
}

/**
 * On Windows the private working set: it walks the address space and counts the
 * resident pages of private memory. This excludes Wine's own tables: for each
 * 4 GiB of address space that a program has ever used, Wine allocates a table
 * with one byte per page (alloc_pages_vprot() in ntdll/unix/virtual.c), and never
 * frees it. V8 gives each page of its heap a random address within 4 TiB
 * (OS::GetRandomMmapAddr()), so under Wine the resident memory of a program that
 * only makes garbage grows by 4 KiB with almost every new page of its heap, up to
 * 1 GiB.
 *
 * Committed memory is no measure: Bun commits much more than it uses.
 */
function windowsCounter(): () => number {
  const kernel = openKernel();
  const countPages = pageCounter(kernel);
  const bytes = new Uint8Array(INFORMATION_BYTES);
  const view = new DataView(bytes.buffer);
  const word = (at: number) => Number(view.getBigUint64(at, true));
  return () => {
    let total = 0;
    let address = 0;
    while (kernel.VirtualQuery(address, bytes, bytes.length) !== 0) {
      const base = word(BASE_AT);
      const end = base + word(SIZE_AT);
      const isCommitted = view.getUint32(STATE_AT, true) === MEM_COMMIT;
      const isPrivate = view.getUint32(TYPE_AT, true) === MEM_PRIVATE;
      if (isCommitted && isPrivate) total += countPages(base, end);
      address = end;
    }
    return total * PAGE_BYTES;
  };
}

/** The private working set on Windows, the resident set size on Linux. In
 * bytes. */
export const privateBytes: () => number = process.platform === "win32"
  ? windowsCounter()
  : () => process.memoryUsage().rss;
