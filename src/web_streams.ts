// Copyright the iocp authors. MIT license.
/* A connection as web streams, on top of its two queues. */

import { WebReadableStream, WebWritableStream } from "./globals.ts";
import type { Stream } from "./stream.ts";

/* Closes the connection when both directions have ended. */
function closeIfDone(stream: Stream): void {
  if (stream.receive.isEnded && stream.send.isEnded) stream.close();
}

const AUTO_ALLOCATE_BYTES = 64 * 1024;

/** The receiving direction. */
export function readableOf(
  stream: Stream,
  isWritableUsed: () => boolean,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new WebReadableStream({
    type: "bytes",
    autoAllocateChunkSize: AUTO_ALLOCATE_BYTES,
    async pull(controller) {
      const request = controller.byobRequest!;
      const view = request.view as Uint8Array;
      const buffer = new Uint8Array(
        view.buffer,
        view.byteOffset,
        view.byteLength,
      );
      const count = stream.isClosed ? null : await stream.receive.read(buffer);
      if (count !== null) {
        request.respond(count);
        return;
      }
      controller.close();
      request.respond(0);
      if (isWritableUsed()) closeIfDone(stream);
      else stream.close();
    },
    cancel() {
      if (!isWritableUsed() || stream.send.isEnded) stream.close();
    },
  });
}

/** The sending direction. */
export function writableOf(stream: Stream): WritableStream<Uint8Array> {
  return new WebWritableStream({
    async write(chunk) {
      if (!(chunk instanceof Uint8Array)) {
        throw new TypeError(
          "Cannot write to the connection: a chunk must be a Uint8Array",
        );
      }
      if (stream.isClosed) throw stream.closedError("send");
      await stream.send.write(chunk);
    },
    async close() {
      if (stream.isClosed) return;
      await stream.send.closeWrite();
      closeIfDone(stream);
    },
    abort() {
      stream.reset();
    },
  });
}
