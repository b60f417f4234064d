// Copyright the iocp authors. MIT license.

/** An open file, of which a connection sends parts. */
export interface FileParts {
  /** In bytes, when it was opened. */
  readonly size: number;
  /** Passes the first bytes of a part to the library or to TLS. With PENDING in the
   * result, a completion follows. */
  send(socket: number, offset: number, length: number): number;
  /** What is being sent of it is sent all the same. */
  close(): void;
}
