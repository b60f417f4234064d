// Copyright the iocp authors. MIT license.
/* The `syscall` and `action` of errors for calls whose names differ between the
 * systems. */

import { isWindows } from "../runtime/detect.ts";

/** A system call and what it is for; options of a SocketError. */
export interface SystemCall {
  readonly syscall: string;
  readonly action: string;
}

function systemCall(
  windows: string,
  linux: string,
  action: string,
): SystemCall {
  return { syscall: isWindows ? windows : linux, action };
}

/** Of `new CompletionPort()`. */
export const CREATE_PORT: SystemCall = systemCall(
  "CreateIoCompletionPort",
  "epoll_create1",
  "create a completion port",
);

/** Of the loop. */
export const WAIT: SystemCall = systemCall(
  "GetQueuedCompletionStatusEx",
  "epoll_wait",
  "wait for completions",
);

/** Of `adopt()` and `addSocket()`. */
export const ADOPT: SystemCall = systemCall(
  "CreateIoCompletionPort",
  "epoll_ctl",
  "adopt a socket",
);

/** Of `listen()` with a socket that listens already. */
export const ADOPT_LISTENER: SystemCall = systemCall(
  "CreateIoCompletionPort",
  "epoll_ctl",
  "listen",
);

/** Of passing a socket to another process. */
export const PASS: SystemCall = systemCall(
  "WSADuplicateSocketW",
  "sendmsg",
  "pass a socket",
);

/** Of taking it there. */
export const TAKE: SystemCall = systemCall(
  "WSASocketW",
  "recvmsg",
  "take a socket",
);

/** Of `detach()`. */
export const DETACH: SystemCall = systemCall(
  "NtSetInformationFile",
  "epoll_ctl",
  "detach the connection",
);
