// Copyright the iocp authors. MIT license.
/* What the import of the module does, where the runtime needs it: it loads the
 * library and makes the loop, if that needs no permission prompt. Otherwise a test
 * runner that checks for leaks would report the library as a leak of the first
 * test that uses it. */

import { currentLoop } from "./group.ts";
import { loadLibraryIfGranted } from "../native/library.ts";
import { runtime } from "../runtime/detect.ts";

/** Returns true if the library was loaded. A failure is reported by the first
 * call that needs the library. */
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
