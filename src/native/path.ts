// Copyright the iocp authors. MIT license.
/* Addresses that are paths: unix sockets and Windows named pipes, as text and as
 * a struct iocp_path (ffi/include/iocp.h). */

import { TextDecoder, TextEncoder } from "../runtime/globals.ts";

/** The address of one end of a connection over a unix socket, as in Deno. */
export interface UnixAddr {
  /** Always `"unix"`. */
  transport: "unix";
  /** The path of the socket file. An abstract name of Linux begins with
   * `"\0"`. The end that has connected usually has no name: `""`. */
  path: string;
}

/** The address of a connection over a named pipe of Windows. Both ends have the
 * same. */
export interface PipeAddr {
  /** Always `"pipe"`. */
  transport: "pipe";
  /** The name, as `\\.\pipe\name`. */
  path: string;
}

/** The address of a local socket. */
export type PathAddr = UnixAddr | PipeAddr;

/** Families of a struct iocp_path. */
export const UNIX = 1;
export const PIPE = 2;

/** The size of a struct iocp_path, and where its bytes are. */
export const PATH_BYTES = 1024;
const BYTES_AT = 4;

/** The most bytes of a path. */
export const PATH_MAX: number = PATH_BYTES - BYTES_AT;

/* The forms that node:net accepts. A slash is a backslash to Windows. */
const PIPE_PREFIX = /^[\\/]{2}[.?][\\/]pipe[\\/]/i;
const PIPE_ROOT = "\\\\.\\pipe\\";

/** The address that a path is. All forms of a pipe's name become one. */
export function parsePath(path: string): PathAddr {
  const prefix = PIPE_PREFIX.exec(path)?.[0];
  if (prefix === undefined) return { transport: "unix", path };
  const name = path.slice(prefix.length).replaceAll("/", "\\");
  return { transport: "pipe", path: PIPE_ROOT + name };
}

/** The name of a pipe, without what all pipes begin with. */
export function pipeName({ path }: PipeAddr): string {
  return path.slice(PIPE_ROOT.length);
}

/** True for a name that is no file, which only Linux has. */
export function isAbstract({ transport, path }: PathAddr): boolean {
  return transport === "unix" && path.startsWith("\0");
}

/** Writes a struct iocp_path; undefined for a path that is too long for it. */
export function encodePath(
  { transport, path }: PathAddr,
): Uint8Array<ArrayBuffer> | undefined {
  const text = new TextEncoder().encode(path);
  if (text.length > PATH_MAX) return undefined;
  const bytes = new Uint8Array(PATH_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, transport === "unix" ? UNIX : PIPE, true);
  view.setUint16(2, text.length, true);
  bytes.set(text, BYTES_AT);
  return bytes;
}

/** Reads a struct iocp_path. Bytes that are not UTF-8 become U+FFFD. */
export function decodePath(bytes: Uint8Array): PathAddr {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const transport = view.getUint16(0, true) === UNIX ? "unix" : "pipe";
  const end = BYTES_AT + view.getUint16(2, true);
  const path = new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(bytes.subarray(BYTES_AT, end));
  return { transport, path };
}

/** The path as messages show it: an abstract name with "@", as other tools of
 * Linux do. */
export function shownPath(path: string): string {
  return path.replaceAll("\0", "@");
}
