// Copyright the iocp authors. MIT license.

import { findAddresses, localIp, usableAddresses } from "./addresses.ts";
import {
  connectInterrupted,
  connectTimedOut,
  type Destination,
} from "./attempt.ts";
import type { Group } from "../loop/group.ts";
import { HappyEyeballs } from "./happy_eyeballs.ts";
import { PathConnecting } from "./path_connecting.ts";
import type { ConnectSettings } from "../options/connect.ts";
import type { PathConnectSettings } from "../options/path.ts";
import { watchSignal } from "../loop/signal_watch.ts";
import { throwIfAborted } from "../options/signal.ts";
import { clearTimeout, setTimeout, withResolvers } from "../runtime/globals.ts";
import type { Socket } from "../socket/socket.ts";

/** What tries to make a connection. */
interface Connecting {
  /** Stops, and rejects with `error`. */
  cancel(error: unknown): void;
}

/** Where the result goes; one of the two is called, once. */
interface Outcome {
  readonly resolve: (socket: Socket) => void;
  readonly reject: (error: unknown) => void;
  /** It was rejected meanwhile. */
  readonly isCanceled: () => boolean;
}

/** The host of a connect(), as its errors have it. */
export function hostOf({ hostname, port }: ConnectSettings): Destination {
  return { address: hostname, port };
}

/**
 * Makes a connection: finds the addresses, tries them, and stops at a timeout,
 * an abort or the close of the port. Tests bring their own addresses.
 */
export async function makeConnection(
  group: Group,
  settings: ConnectSettings,
  find: typeof findAddresses = findAddresses,
): Promise<Socket> {
  const { native } = group.loop;
  const local = localIp(native, settings.localAddress);
  return await run(group, settings, hostOf(settings), async (outcome) => {
    const found = await find(native, settings);
    if (outcome.isCanceled()) return undefined;
    const addresses = usableAddresses(settings, local, found);
    return new HappyEyeballs({ group, settings, local, addresses, ...outcome });
  });
}

/** Makes a connection to a path; it stops likewise. */
export async function makePathConnection(
  group: Group,
  settings: PathConnectSettings,
): Promise<Socket> {
  const destination = { address: settings.addr.path };
  return await run(
    group,
    settings,
    destination,
    (outcome) => new PathConnecting({ group, settings, ...outcome }),
  );
}

/* It does not use AbortSignal.any(), which refuses polyfills and signals of other
 * realms; see signal.ts. */
async function run(
  group: Group,
  { signal, timeout }: Pick<ConnectSettings, "signal" | "timeout">,
  destination: Destination,
  start: (
    outcome: Outcome,
  ) => Connecting | Promise<Connecting | undefined>,
): Promise<Socket> {
  throwIfAborted(signal);
  const { loop } = group;
  const { promise, resolve, reject } = withResolvers<Socket>();
  let connecting: Connecting | undefined;
  let isCanceled = false;
  const cancel = (reason: unknown) => {
    isCanceled = true;
    connecting?.cancel(reason);
    reject(reason);
  };
  const onTimeout = () => cancel(connectTimedOut(destination));
  const onClose = () => cancel(connectInterrupted(destination));
  const begin = async () => {
    connecting = await start({ resolve, reject, isCanceled: () => isCanceled });
    /* It was canceled before it could be stored. */
    if (isCanceled) connecting?.cancel(undefined);
  };
  const call = { abort: cancel };
  const watch = signal && watchSignal(signal, call);
  const timer = timeout === undefined
    ? undefined
    : setTimeout(onTimeout, timeout);
  loop.ref();
  group.onClose(onClose);
  begin().catch(reject);
  try {
    return await promise;
  } finally {
    loop.unref();
    group.offClose(onClose);
    clearTimeout(timer);
    watch?.remove(call);
  }
}
