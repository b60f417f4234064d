// Copyright the iocp authors. MIT license.

/** The version of the module. A test compares it with package.json. */
export const VERSION = "0.1.0";
