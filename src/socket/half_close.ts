// Copyright the iocp authors. MIT license.

import { NotSupported } from "../errors.ts";

/** The error for the end of one direction of a named pipe. Windows has no call for
 * it: DisconnectNamedPipe() and CloseHandle() end both.
 * https://learn.microsoft.com/windows/win32/ipc/named-pipe-operations */
export function noHalfClose(): NotSupported {
  return new NotSupported(
    "Cannot close the sending direction: a named pipe of Windows ends in both directions at once; close() delivers what was written",
  );
}
