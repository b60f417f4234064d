// Copyright the iocp authors. MIT license.

// What the scripts need beside node is installed by these, once, and only when
// a script asks for it; all are quiet when there is nothing to do.

export * from "./setup/cache.js";
export * from "./setup/command.js";
export * from "./setup/debian.js";
export * from "./setup/folder.js";
export * from "./setup/network.js";
export * from "./setup/node_modules.js";
export * from "./setup/options.js";
export * from "./setup/wine.js";
export * from "./setup/zig.js";
