// Copyright the iocp authors. MIT license.

// A program as a user has it who installed no types of any runtime: it is only
// checked, never run.

import * as iocp from "../../mod.ts";

export type Module = typeof iocp;

/* Without Node's types a duplex is not just anything. */
export type DuplexIsAny = 0 extends 1 & iocp.SocketDuplex ? true : false;
export const duplexIsAny: DuplexIsAny = false;
