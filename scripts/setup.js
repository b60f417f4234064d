// Copyright the iocp authors. MIT license.

// What the scripts need beside node is installed by these, once, and only when
// a script asks for it; all are quiet when there is nothing to do.

export { cacheFolder, once, repository } from "./setup/cache.js";
export {
  argv,
  describeEnd,
  problemsOf,
  run,
  runOrThrow,
} from "./setup/command.js";
export { ensureDebian } from "./setup/debian.js";
export { inTemporaryFolder } from "./setup/folder.js";
export { ownNetwork, testsAtOnce } from "./setup/network.js";
export {
  bunPath,
  cachedPackages,
  denoPath,
  dprintPath,
  ensureNodeModules,
  ensureWindowsRuntimes,
  npm,
  tscPath,
} from "./setup/node_modules.js";
export { ensureWine } from "./setup/wine.js";
export { ensureZig, zigEnvironment } from "./setup/zig.js";
