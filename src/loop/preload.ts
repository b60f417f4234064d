// Copyright the iocp authors. MIT license.
/* What is done when the module is imported, where the runtime wants it: the
 * library is loaded and the loop made, if no question to the user is needed for
 * that. Test runners that look for what a test leaves behind would otherwise
 * find the library in whichever test used it first. */

import { currentLoop } from "./group.ts";
import { loadLibraryIfGranted } from "../native/library.ts";
import { runtime } from "../runtime/detect.ts";

/** True when it was done. What fails here is reported by the first call. */
export function preload(): boolean {
  try {
    if (!runtime.preloads) return false;
    loadLibraryIfGranted();
    const loop = currentLoop();
    loop.makeResident();
    runtime.onRealmEnd(() => loop.abandon());
    return true;
  } catch {
    return false;
  }
}

preload();
