// Copyright the iocp authors. MIT license.

import { canceled, timedOut } from "../errors.ts";
import { LimitedCall } from "../loop/limited_call.ts";
import type { FileParts } from "./file_parts.ts";
import type { SendFileSettings } from "../options/send_file.ts";
import type { FileSource, PendingWrite } from "./send_queue.ts";
import type { Socket } from "./socket.ts";

const EMPTY = new Uint8Array(0);

/** The sending of a part of a file, which has its place among the writes. When it
 * has ended, what the library had accepted is still sent, and the error has its
 * length; the rest is not sent. */
export class FileWrite extends LimitedCall<number>
  implements PendingWrite, FileSource {
  readonly bytes: Uint8Array = EMPTY;
  readonly file: FileSource = this;
  readonly length: number;
  offset = 0;
  readonly #socket: Socket;
  readonly #source: FileParts;
  readonly #settings: SendFileSettings;
  #bytesSent = 0;
  /* Settles, and does not reject, when what has been sent is reported. */
  #reports: Promise<void> | undefined;
  #isOver = false;
  #progressFailure: { readonly error: unknown } | undefined;

  constructor(
    socket: Socket,
    source: FileParts,
    length: number,
    settings: SendFileSettings,
  ) {
    super(socket.loop, settings.limits);
    this.#socket = socket;
    this.#source = source;
    this.#settings = settings;
    this.length = length;
  }

  /** Sends it, and closes the file. Call it once. */
  async settle(): Promise<number> {
    try {
      const count = await this.run().finally(() => this.#source.close());
      await this.#reports;
      /* What the last report threw. */
      const failure = this.#progressFailure;
      if (failure !== undefined) throw this.abortError(failure.error);
      return count;
    } finally {
      this.#isOver = true;
    }
  }

  send(socket: number, offset: number): number {
    const { offset: start } = this.#settings;
    return this.#source.send(socket, start + offset, this.length - offset);
  }

  sent(bytes: number): void {
    this.#bytesSent += bytes;
    if (this.#settings.onProgress === undefined) return;
    /* The queue is being changed, so user code runs later. This is before the
     * caller continues, since its promise is settled after this. */
    this.#reports ??= Promise.resolve().then(() => this.#report());
  }

  /* An async function is called again when its promise has settled. What it rejects
   * with after the call has ended has no effect: the caller has an error already. */
  async #report(): Promise<void> {
    const { length } = this;
    try {
      for (let reported = -1; reported < this.#bytesSent && !this.#isOver;) {
        reported = this.#bytesSent;
        await this.#settings.onProgress?.({ bytesSent: reported, length });
      }
    } catch (error) {
      this.#progressFailure = { error };
      this.abort(error);
      return;
    }
    this.#reports = undefined;
  }

  protected start(): void {
    this.#socket.send.enqueue(this);
  }

  protected withdraw(): void {
    this.#socket.send.cancel(this);
  }

  protected timeoutError(): Error {
    return timedOut("sendfile", this.#socket.errorPeer, this.offset);
  }

  protected override abortError(reason: unknown): Error {
    return canceled("sendfile", this.#socket.errorPeer, reason, this.offset);
  }
}
