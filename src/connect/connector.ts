// Copyright the iocp authors. MIT license.

import { findAddresses, localIp, usableAddresses } from "./addresses.ts";
import { connectInterrupted, connectTimedOut } from "./attempt.ts";
import type { Group } from "../loop/group.ts";
import { HappyEyeballs } from "./happy_eyeballs.ts";
import type { ConnectSettings } from "../options/connect.ts";
import { reasonOf, throwIfAborted } from "../options/signal.ts";
import { clearTimeout, setTimeout, withResolvers } from "../runtime/globals.ts";
import type { Socket } from "../socket/socket.ts";

/**
 * Makes a connection: finds the addresses, tries them, and stops at a timeout,
 * an abort or the close of the port. Tests bring their own addresses.
 *
 * It does not use AbortSignal.any(), which refuses polyfills and signals of other
 * realms; see signal.ts.
 */
export async function makeConnection(
  group: Group,
  settings: ConnectSettings,
  find: typeof findAddresses = findAddresses,
): Promise<Socket> {
  const { signal, timeout } = settings;
  const { loop } = group;
  const { native } = loop;
  const local = localIp(native, settings.localAddress);
  throwIfAborted(signal);
  const { promise, resolve, reject } = withResolvers<Socket>();
  let attempts: HappyEyeballs | undefined;
  let isCanceled = false;
  const cancel = (reason: unknown) => {
    isCanceled = true;
    attempts?.cancel(reason);
    reject(reason);
  };
  const onAbort = () => cancel(reasonOf(signal!));
  const onTimeout = () => cancel(connectTimedOut(settings));
  const onClose = () => cancel(connectInterrupted(settings));
  const start = async () => {
    const found = await find(native, settings);
    if (isCanceled) return;
    const addresses = usableAddresses(settings, local, found);
    const options = { group, settings, local, addresses, resolve, reject };
    attempts = new HappyEyeballs(options);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = timeout === undefined
    ? undefined
    : setTimeout(onTimeout, timeout);
  loop.ref();
  group.onClose(onClose);
  start().catch(reject);
  try {
    return await promise;
  } finally {
    loop.unref();
    group.offClose(onClose);
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
