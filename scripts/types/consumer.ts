// Copyright the iocp authors. MIT license.

// A program as a user has it who installed no types of any runtime: it is only
// checked, never run.

import * as iocp from "../../mod.ts";

export type Module = typeof iocp;
