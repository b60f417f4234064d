// Copyright the iocp authors. MIT license.

import {
  lengthInFile,
  type SendFileOptions,
  sendFileSettings,
} from "../options/send_file.ts";
import { runtime } from "../runtime/detect.ts";
import { FileWrite } from "../socket/file_write.ts";
import type { Socket } from "../socket/socket.ts";

/** Sends a file, or a part of it, behind all earlier writes. It is opened at once,
 * so that it is the one that has the path now. */
export async function sendFile(
  socket: Socket,
  path: string,
  options: SendFileOptions,
): Promise<number> {
  const settings = sendFileSettings(path, options);
  if (socket.isClosed) throw socket.closedError("sendfile");
  const permitted = runtime.requireRead(settings.path);
  const source = socket.loop.openFile(permitted);
  let length: number;
  try {
    length = lengthInFile(settings, source.size);
  } catch (error) {
    source.close();
    throw error;
  }
  return await new FileWrite(socket, source, length, settings).settle();
}
