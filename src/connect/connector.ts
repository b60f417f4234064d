// Copyright the iocp authors. MIT license.
/* Making connections: names become addresses, and the addresses race each other
 * (Happy Eyeballs, RFC 8305). */

import {
  asciiHostname,
  encodeAddress,
  formatIp,
  type IpAddress,
  LOOPBACK,
} from "../native/address.ts";
import { Answer } from "../views/answer.ts";
import { RESET } from "../native/completion.ts";
import { type Conn, makeConn } from "../conn.ts";
import { errorOf, SocketError } from "../errors.ts";
import { clearTimeout, now, setTimeout } from "../runtime/globals.ts";
import type { Group } from "../loop/group.ts";
import type { Endpoint } from "../loop/endpoint.ts";
import type { Loop } from "../loop/loop.ts";
import { reasonOf, throwIfAborted } from "../options/signal.ts";
import type { ConnectSettings } from "../options/connect.ts";
import { literalIp, resolve, resolveSync } from "./resolver.ts";
import { runtime } from "../runtime/detect.ts";
import { Socket } from "../socket/socket.ts";
import { wrongType } from "../options/validate.ts";

function portClosed(address: string, port: number): SocketError {
  return new SocketError("EINTR", {
    syscall: "connect",
    address,
    port,
    detail: "the completion port was closed",
  });
}

/** One address that is being tried. */
class Attempt implements Endpoint {
  readonly id: number;
  readonly #loop: Loop;
  readonly #address: string;
  readonly #port: number;
  readonly #onDone: (attempt: Attempt, error?: SocketError) => void;
  #isTaken = false;

  constructor(
    group: Group,
    ip: IpAddress,
    local: IpAddress | undefined,
    port: number,
    onDone: (attempt: Attempt, error?: SocketError) => void,
  ) {
    group.requireOpen("connect");
    const { loop } = group;
    this.#loop = loop;
    this.#address = formatIp(ip);
    this.#port = port;
    this.#onDone = onDone;
    const result = loop.port.connect(
      encodeAddress(ip, port),
      local === undefined ? null : encodeAddress(local, 0),
    );
    if (result < 0) throw loop.port.error(result, this.#about());
    this.id = result;
    group.join(result);
    loop.add(this);
  }

  #about() {
    return { syscall: "connect", address: this.#address, port: this.#port };
  }

  connected(result: number, errno: number): void {
    if (this.#isTaken) return;
    if (result === 0) {
      this.#onDone(this);
      return;
    }
    this.abandon();
    this.#onDone(this, errorOf(result, { ...this.#about(), errno }));
  }

  closed(): void {}

  /** Makes the connection the user's. */
  take(settings: ConnectSettings): Conn {
    this.#isTaken = true;
    return makeConn(new Socket(this.#loop, this.id, settings.conn, "new"));
  }

  abandon(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#loop.port.close(this.id, RESET, 0);
  }

  /** Its port was closed. */
  portClosed(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#onDone(this, portClosed(this.#address, this.#port));
  }
}

/* RFC 8305 section 4: the families take turns, the resolver's first one first.
 */
function interleave(addresses: readonly IpAddress[]): IpAddress[] {
  const first = addresses[0]?.family;
  const same = addresses.filter(({ family }) => family === first);
  const other = addresses.filter(({ family }) => family !== first);
  const longer = same.length > other.length ? same : other;
  return longer.flatMap((_, i) => [
    ...same.slice(i, i + 1),
    ...other.slice(i, i + 1),
  ]);
}

/* The race itself: starts attempts until one wins or all have lost. */
class Race {
  readonly #group: Group;
  readonly #settings: ConnectSettings;
  readonly #local: IpAddress | undefined;
  readonly #addresses: IpAddress[];
  readonly #attempts = new Set<Attempt>();
  readonly #errors: SocketError[] = [];
  readonly #resolve: (conn: Conn) => void;
  readonly #reject: (error: unknown) => void;
  #timer: unknown;
  #isOver = false;
  /** When the next address joins, in the time of now(). */
  nextAt = Infinity;

  constructor(
    group: Group,
    settings: ConnectSettings,
    local: IpAddress | undefined,
    addresses: readonly IpAddress[],
    resolve: (conn: Conn) => void,
    reject: (error: unknown) => void,
  ) {
    this.#group = group;
    this.#settings = settings;
    this.#local = local;
    this.#addresses = interleave(addresses);
    this.#resolve = resolve;
    this.#reject = reject;
    this.startNext();
  }

  /** Gives up what is under way. */
  cancel(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#reject(error);
  }

  /** Has the next address join; a timer calls it, unless the thread blocks. */
  startNext = (): void => {
    clearTimeout(this.#timer);
    this.nextAt = Infinity;
    const ip = this.#addresses.shift();
    if (ip === undefined) return;
    try {
      this.#attempts.add(
        new Attempt(
          this.#group,
          ip,
          this.#local,
          this.#settings.port,
          this.#done,
        ),
      );
    } catch (error) {
      this.#lost(error as SocketError);
      return;
    }
    const { attemptDelay } = this.#settings;
    if (this.#addresses.length > 0 && attemptDelay !== undefined) {
      this.#timer = setTimeout(this.startNext, attemptDelay);
      this.nextAt = now() + attemptDelay;
    }
  };

  #done = (attempt: Attempt, error?: SocketError): void => {
    this.#attempts.delete(attempt);
    if (this.#isOver) return;
    if (error !== undefined) {
      this.#lost(error);
      return;
    }
    const conn = attempt.take(this.#settings);
    this.#end();
    this.#resolve(conn);
  };

  #lost(error: SocketError): void {
    this.#errors.push(error);
    if (this.#addresses.length > 0) {
      this.startNext();
    } else if (this.#attempts.size === 0) {
      this.#end();
      this.#reject(summary(this.#errors[0] ?? error, this.#errors));
    }
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const attempt of this.#attempts) attempt.abandon();
    this.#attempts.clear();
  }
}

/* The first failure speaks for all; the rest are its cause. */
function summary(
  first: SocketError,
  errors: readonly SocketError[],
): SocketError {
  if (errors.length === 1) return first;
  const { code, address, port, errno } = first;
  return new SocketError(code, {
    syscall: "connect",
    address,
    port,
    errno,
    cause: new AggregateError(errors, "every address failed"),
  });
}

/* The address, or the name to resolve, with the permission of the user. */
function permittedHost(
  loop: Loop,
  settings: ConnectSettings,
): IpAddress | string {
  const { hostname, port } = settings;
  const permit = (host: string) => runtime.requireNet(host, port);
  const about = { syscall: "connect", port };
  const ip = literalIp(loop.native, hostname, about, permit);
  if (ip !== undefined) return ip;
  const name = asciiHostname(hostname);
  permit(name);
  return name;
}

/* What a name was resolved to, unless the user forbids one of them. */
function permittedFound(
  addresses: readonly IpAddress[],
  port: number,
): readonly IpAddress[] {
  for (const address of addresses) {
    runtime.requireNetResolved(formatIp(address), port);
  }
  return addresses;
}

/* Both loopback addresses, about which no resolver has to be asked (RFC 6761
 * section 6.3), so that the name costs no more than an address. The stock call
 * may not have met the second one, so a refusal of that is no failure. */
function permittedLocalhost(port: number): readonly IpAddress[] {
  const [v4, v6] = LOOPBACK;
  permittedFound([v4!], port);
  try {
    return permittedFound([v4!, v6!], port);
  } catch {
    return [v4!];
  }
}

/* The addresses to try, with the permission of the user. */
async function permittedAddresses(
  loop: Loop,
  settings: ConnectSettings,
): Promise<readonly IpAddress[]> {
  const { port } = settings;
  const host = permittedHost(loop, settings);
  if (typeof host !== "string") return [host];
  if (host === "localhost") return permittedLocalhost(port);
  return permittedFound(await resolve(loop.native, host, port), port);
}

/* Those of the addresses that are to be tried; never none. */
function usableAddresses(
  settings: ConnectSettings,
  local: IpAddress | undefined,
  found: readonly IpAddress[],
): readonly IpAddress[] {
  const usable = local === undefined
    ? found
    : found.filter(({ family }) => family === local.family);
  if (usable.length === 0) {
    throw new SocketError("EAFNOSUPPORT", {
      syscall: "connect",
      address: settings.hostname,
      port: settings.port,
      detail: "no address of the family of localAddress",
    });
  }
  return settings.attemptDelay === undefined ? usable.slice(0, 1) : usable;
}

/* The address of `localAddress`. */
function parseLocal(
  loop: Loop,
  localAddress: string | undefined,
): IpAddress | undefined {
  if (localAddress === undefined) return undefined;
  const ip = literalIp(loop.native, localAddress, { syscall: "connect" });
  if (ip === undefined) {
    wrongType("localAddress", "an IP address", localAddress);
  }
  return ip;
}

/** Connects, and gives the loop a stream. Tests bring their own addresses. */
export async function makeConnection(
  group: Group,
  settings: ConnectSettings,
  findAddresses: typeof permittedAddresses = permittedAddresses,
): Promise<Conn> {
  const { hostname, port, signal, timeout } = settings;
  const { loop } = group;
  const local = parseLocal(loop, settings.localAddress);
  throwIfAborted(signal);
  let race: Race | undefined;
  let timer: unknown;
  let isGivenUp = false;
  let giveUp!: (error: unknown) => void;
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = (error) => {
      isGivenUp = true;
      race?.cancel(error);
      reject(error);
    };
  });
  /* It may lose the race against an answer, and is then nobody's concern. */
  givenUp.catch(() => {});
  const onAbort = () => giveUp(reasonOf(signal!));
  signal?.addEventListener("abort", onAbort, { once: true });
  if (timeout !== undefined) {
    timer = setTimeout(() => {
      const options = { syscall: "connect", address: hostname, port };
      giveUp(new SocketError("ETIMEDOUT", options));
    }, timeout);
  }
  loop.ref();
  const onClose = () => giveUp(portClosed(hostname, port));
  group.attempt(onClose);
  try {
    const found = await Promise.race([findAddresses(loop, settings), givenUp]);
    /* Both may have come at once. */
    if (isGivenUp) await givenUp;
    const usable = usableAddresses(settings, local, found);
    return await new Promise<Conn>((resolve, reject) => {
      race = new Race(group, settings, local, usable, resolve, reject);
    });
  } finally {
    loop.unref();
    group.settled(onClose);
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/* More addresses of one name are not tried. */
const ADDRESSES_MAX = 64;

function permittedAddressesSync(
  loop: Loop,
  settings: ConnectSettings,
): readonly IpAddress[] {
  const { port } = settings;
  const host = permittedHost(loop, settings);
  if (typeof host !== "string") return [host];
  if (host === "localhost") return permittedLocalhost(port);
  const about = { syscall: "connect", port };
  const found = resolveSync(loop.native, host, ADDRESSES_MAX, about);
  return permittedFound(found, port);
}

/** The same as {@linkcode makeConnection}, while the thread waits. */
export function makeConnectionSync(
  group: Group,
  settings: ConnectSettings,
  findAddresses: typeof permittedAddressesSync = permittedAddressesSync,
): Conn {
  const { hostname, port, signal, timeout = Infinity } = settings;
  const { loop } = group;
  const local = parseLocal(loop, settings.localAddress);
  throwIfAborted(signal);
  const end = now() + timeout;
  const found = findAddresses(loop, settings);
  const usable = usableAddresses(settings, local, found);
  const answer = new Answer<Conn>();
  const { resolve, reject } = answer;
  const race = new Race(group, settings, local, usable, resolve, reject);
  /* No timer runs in a thread that waits, so the race is told the time. */
  while (!answer.isThere) {
    const left = Math.min(end, race.nextAt) - now();
    if (loop.runUntil(() => answer.isThere, left)) break;
    const time = now();
    if (time >= end) {
      const options = { syscall: "connect", address: hostname, port };
      race.cancel(new SocketError("ETIMEDOUT", options));
    } else if (time >= race.nextAt) race.startNext();
  }
  return answer.take();
}
