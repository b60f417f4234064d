// Copyright the iocp authors. MIT license.
/* Who may do what with a named pipe, as Windows says itself, and who the user of this
 * process is: through the functions of the system alone. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type ForeignFunction, openLibrary } from "./ffi.ts";

interface Kernel {
  CreateFileW(
    path: Uint8Array,
    rights: number,
    sharing: number,
    security: bigint,
    disposition: number,
    flags: number,
    template: bigint,
  ): number;
  CloseHandle(handle: number): number;
}

interface Security {
  GetKernelObjectSecurity(
    handle: number,
    parts: number,
    descriptor: Uint8Array,
    size: number,
    needed: Uint8Array,
  ): number;
  OpenProcessToken(process: bigint, rights: number, token: Uint8Array): number;
  GetTokenInformation(
    token: number,
    kind: number,
    information: Uint8Array,
    size: number,
    needed: Uint8Array,
  ): number;
}

const KERNEL: Record<keyof Kernel, ForeignFunction> = {
  CreateFileW: {
    parameters: ["buffer", "i32", "i32", "usize", "i32", "i32", "usize"],
    result: "i32",
  },
  CloseHandle: { parameters: ["i32"], result: "i32" },
};
const SECURITY: Record<keyof Security, ForeignFunction> = {
  GetKernelObjectSecurity: {
    parameters: ["i32", "i32", "buffer", "i32", "buffer"],
    result: "i32",
  },
  OpenProcessToken: { parameters: ["usize", "i32", "buffer"], result: "i32" },
  GetTokenInformation: {
    parameters: ["i32", "i32", "buffer", "i32", "buffer"],
    result: "i32",
  },
};

const openKernel = () => openLibrary<Kernel>("kernel32.dll", KERNEL);
const openSecurity = () => openLibrary<Security>("advapi32.dll", SECURITY);

/* The text of a SID: its revision, its authority of 48 bits, and its parts. */
function sidText(bytes: Buffer): string {
  const parts = Array.from(
    { length: bytes[1]! },
    (_, i) => bytes.readUInt32LE(8 + 4 * i),
  );
  return ["S", bytes[0], bytes.readUIntBE(2, 6), ...parts].join("-");
}

/** The SID of the user of this process. */
export function ownSid(): string {
  const { OpenProcessToken, GetTokenInformation } = openSecurity();
  /* What GetCurrentProcess() returns: -1. */
  const ownProcess = 0xffff_ffff_ffff_ffffn;
  const TOKEN_QUERY = 8;
  const TOKEN_USER = 1;
  const token = Buffer.alloc(8);
  const isOpen = OpenProcessToken(ownProcess, TOKEN_QUERY, token);
  assert.notEqual(isOpen, 0, "OpenProcessToken() has failed");
  const handle = token.readInt32LE();
  const bytes = Buffer.alloc(200);
  const isRead = GetTokenInformation(
    handle,
    TOKEN_USER,
    bytes,
    bytes.length,
    Buffer.alloc(4),
  );
  openKernel().CloseHandle(handle);
  assert.notEqual(isRead, 0, "GetTokenInformation() has failed");
  /* The SID follows TOKEN_USER: its address, and attributes. */
  return sidText(bytes.subarray(16));
}

function descriptorOf(path: string): Buffer {
  const { CreateFileW, CloseHandle } = openKernel();
  const READ_CONTROL = 0x20000;
  const OPEN_EXISTING = 3;
  const DACL_SECURITY_INFORMATION = 4;
  const name = new Uint8Array(Buffer.from(`${path}\0`, "utf16le"));
  const handle = CreateFileW(name, READ_CONTROL, 0, 0n, OPEN_EXISTING, 0, 0n);
  const bytes = Buffer.alloc(1_000);
  const isRead = openSecurity().GetKernelObjectSecurity(
    handle,
    DACL_SECURITY_INFORMATION,
    bytes,
    bytes.length,
    Buffer.alloc(4),
  );
  CloseHandle(handle);
  assert.notEqual(isRead, 0, "GetKernelObjectSecurity() has failed");
  return bytes;
}

/** The entries of the DACL of a pipe, each as its type, 0 for one that allows, its
 * flags, its rights in hexadecimal, and whom it is for. */
export function accessOf(path: string): string[] {
  const bytes = descriptorOf(path);
  /* The offset of the DACL in the descriptor; the count of its entries is at 4, and
   * they follow 8 bytes. Each has its type, its flags, its length and its rights in
   * 8 bytes, and then the SID. */
  const dacl = bytes.subarray(bytes.readUInt32LE(16));
  const entries: string[] = [];
  for (let i = dacl.readUInt16LE(4), at = 8; i > 0; i--) {
    const entry = dacl.subarray(at, at + dacl.readUInt16LE(at + 2));
    const rights = entry.readUInt32LE(4).toString(16);
    const sid = sidText(entry.subarray(8));
    entries.push(`${entry[0]} ${entry[1]} ${rights} ${sid}`);
    at += entry.length;
  }
  return entries;
}
