// Copyright the iocp authors. MIT license.

/** The process at the other end of a local socket. */
export interface Peer {
  /** The process that has connected or listens, by its number. */
  readonly pid: number | undefined;
  /** The user that the process ran as then; undefined on Windows. */
  readonly uid: number | undefined;
  /** The group that the process ran as then; undefined on Windows. */
  readonly gid: number | undefined;
}
