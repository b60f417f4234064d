// Copyright the iocp authors. MIT license.
/* Calls that block the thread. Each enters the same queues as its asynchronous
 * counterpart, behind the operations that are pending, and then runs turns of
 * the loop until it has its result. Those turns settle other promises as well,
 * but user code runs only after the call has returned. */

import type { Acceptor } from "../socket/acceptor.ts";
import {
  findAddressesSync,
  localIp,
  usableAddresses,
} from "../connect/addresses.ts";
import { connectTimedOut } from "../connect/attempt.ts";
import { NotSupported, type SocketError, timedOut } from "../errors.ts";
import type { Group } from "../loop/group.ts";
import { HappyEyeballs } from "../connect/happy_eyeballs.ts";
import { hostOf } from "../connect/connector.ts";
import type { Loop } from "../loop/loop.ts";
import { errorAddress } from "../native/address.ts";
import type { ConnectSettings } from "../options/connect.ts";
import { PathConnecting } from "../connect/path_connecting.ts";
import type { PathConnectSettings } from "../options/path.ts";
import { throwIfAborted } from "../options/signal.ts";
import { NO_BLOCKING } from "../options/tls.ts";
import { now } from "../runtime/globals.ts";
import { bufferRead } from "../socket/pending_reads.ts";
import type { Socket } from "../socket/socket.ts";
import { SyncResult } from "./sync_result.ts";

/* Runs turns of the loop until there is a result. After the timeout, `cancel`
 * withdraws the operation and returns the error. */
function wait<T>(
  loop: Loop,
  result: SyncResult<T>,
  timeoutMs: number,
  cancel: () => SocketError,
): T {
  if (!loop.runUntil(() => result.isSettled, timeoutMs)) throw cancel();
  return result.unwrap();
}

function threadLoopOf({ threadLoop }: Socket): Loop {
  if (threadLoop === undefined) throw new NotSupported(NO_BLOCKING);
  return threadLoop;
}

/** Blocks until there are bytes or the end, and reads them into `buffer`. */
export function readSync(
  socket: Socket,
  buffer: Uint8Array,
  timeoutMs: number,
): number | null {
  const loop = threadLoopOf(socket);
  if (socket.isClosed) throw socket.closedError("read");
  const result = new SyncResult<number | null>();
  const read = bufferRead(buffer, result.resolve, result.reject);
  socket.receive.enqueue(read);
  return wait(loop, result, timeoutMs, () => {
    socket.receive.cancel(read);
    return timedOut("read", socket.errorPeer);
  });
}

/** Blocks until the system has accepted all of the bytes. */
export function writeSync(
  socket: Socket,
  bytes: Uint8Array,
  timeoutMs: number,
): number {
  const loop = threadLoopOf(socket);
  if (socket.isClosed) throw socket.closedError("write");
  const result = new SyncResult<number>();
  const { length } = bytes;
  const { resolve, reject } = result;
  const write = { bytes, length, offset: 0, resolve, reject };
  socket.send.enqueue(write);
  return wait(loop, result, timeoutMs, () => {
    const bytesWritten = socket.send.cancel(write);
    return timedOut("write", socket.errorPeer, bytesWritten);
  });
}

/** Blocks until there is a connection. */
export function acceptSync(acceptor: Acceptor, timeoutMs: number): Socket {
  if (acceptor.isSecure) throw new NotSupported(NO_BLOCKING);
  const result = new SyncResult<Socket | undefined>();
  acceptor.accept(result.resolve);
  const isSettled = () => {
    acceptor.settle();
    return result.isSettled;
  };
  if (!acceptor.loop.runUntil(isSettled, timeoutMs)) {
    acceptor.cancel(result.resolve);
    throw timedOut("accept", errorAddress(acceptor.address));
  }
  const socket = result.unwrap();
  if (socket === undefined) throw acceptor.closedError();
  return socket;
}

/** Blocks until one of the addresses is connected. Tests bring their own
 * addresses. */
export function makeConnectionSync(
  group: Group,
  settings: ConnectSettings,
  findAddresses: typeof findAddressesSync = findAddressesSync,
): Socket {
  const { signal, timeout = Infinity } = settings;
  const { loop } = group;
  const local = localIp(loop.native, settings.localAddress);
  throwIfAborted(signal);
  const deadline = now() + timeout;
  const found = findAddresses(loop.native, settings);
  const addresses = usableAddresses(settings, local, found);
  const result = new SyncResult<Socket>();
  const { resolve, reject } = result;
  const attempts = new HappyEyeballs({
    group,
    settings,
    local,
    addresses,
    resolve,
    reject,
  });
  /* Timers do not run while the thread is blocked, so the attempts are started
   * here. */
  while (!result.isSettled) {
    const left = Math.min(deadline, attempts.nextAt) - now();
    if (loop.runUntil(() => result.isSettled, left)) break;
    const time = now();
    if (time >= deadline) attempts.cancel(connectTimedOut(hostOf(settings)));
    else if (time >= attempts.nextAt) attempts.startNext();
  }
  return result.unwrap();
}

/** Blocks until a path is connected. */
export function makePathConnectionSync(
  group: Group,
  settings: PathConnectSettings,
): Socket {
  const { addr, signal, timeout = Infinity } = settings;
  throwIfAborted(signal);
  const result = new SyncResult<Socket>();
  const { resolve, reject } = result;
  const connecting = new PathConnecting({ group, settings, resolve, reject });
  return wait(group.loop, result, timeout, () => {
    const error = connectTimedOut({ address: addr.path });
    connecting.cancel(error);
    return error;
  });
}
