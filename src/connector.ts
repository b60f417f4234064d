// Copyright the iocp authors. MIT license.
/* Making connections: names become addresses, and the addresses race each other
 * (Happy Eyeballs, RFC 8305). */

import {
  asciiHostname,
  encodeAddress,
  formatIp,
  type IpAddress,
  parseIp,
} from "./address.ts";
import { Answer } from "./answer.ts";
import { CLOSED, CONNECTED, RESET } from "./completion.ts";
import { Conn } from "./conn.ts";
import { errorOf, SocketError } from "./errors.ts";
import { clearTimeout, now, setTimeout } from "./globals.ts";
import type { Endpoint, Loop } from "./loop.ts";
import { reasonOf, throwIfAborted } from "./abort.ts";
import type { ConnectSettings } from "./options.ts";
import { resolve, resolveSync } from "./resolver.ts";
import { runtime } from "./runtime.ts";
import { Stream } from "./stream.ts";
import { wrongType } from "./validate.ts";

/** One address that is being tried. */
class Attempt implements Endpoint {
  readonly socket: number;
  readonly #loop: Loop;
  readonly #address: string;
  readonly #port: number;
  readonly #onDone: (attempt: Attempt, error?: SocketError) => void;
  #isTaken = false;

  constructor(
    loop: Loop,
    ip: IpAddress,
    local: IpAddress | undefined,
    port: number,
    onDone: (attempt: Attempt, error?: SocketError) => void,
  ) {
    this.#loop = loop;
    this.#address = formatIp(ip);
    this.#port = port;
    this.#onDone = onDone;
    const result = loop.native.iocp_connect(
      loop.port,
      encodeAddress(ip, port),
      local === undefined ? null : encodeAddress(local, 0),
    );
    if (result < 0) throw loop.error(result, this.#about());
    this.socket = result;
    loop.add(this);
  }

  #about() {
    return { syscall: "connect", address: this.#address, port: this.#port };
  }

  complete(kind: number, result: number, errno: number): void {
    if (kind === CLOSED) this.#loop.remove(this);
    if (kind !== CONNECTED || this.#isTaken) return;
    if (result === 0) {
      this.#onDone(this);
      return;
    }
    this.abandon();
    this.#onDone(this, errorOf(result, { ...this.#about(), errno }));
  }

  /** Makes the connection the user's. */
  take(settings: ConnectSettings): Conn {
    this.#isTaken = true;
    return new Conn(new Stream(this.#loop, this.socket, settings.conn, "new"));
  }

  abandon(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#loop.native.iocp_close(this.#loop.port, this.socket, RESET, 0);
    this.#loop.kick();
  }

  /** Its port was closed. */
  lose(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#onDone(
      this,
      new SocketError("EINTR", {
        ...this.#about(),
        detail: "the completion port was closed",
      }),
    );
  }
}

/* RFC 8305 section 4: the families take turns, the resolver's first one first.
 */
function interleave(addresses: readonly IpAddress[]): IpAddress[] {
  const [first] = addresses;
  const same = addresses.filter(({ family }) => family === first.family);
  const other = addresses.filter(({ family }) => family !== first.family);
  const result: IpAddress[] = [];
  for (let i = 0; i < Math.max(same.length, other.length); i++) {
    if (i < same.length) result.push(same[i]);
    if (i < other.length) result.push(other[i]);
  }
  return result;
}

/* The race itself: starts attempts until one wins or all have lost. */
class Race {
  readonly #loop: Loop;
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
    loop: Loop,
    settings: ConnectSettings,
    local: IpAddress | undefined,
    addresses: readonly IpAddress[],
    resolve: (conn: Conn) => void,
    reject: (error: unknown) => void,
  ) {
    this.#loop = loop;
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
          this.#loop,
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
      this.#reject(summary(this.#errors));
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
function summary(errors: readonly SocketError[]): SocketError {
  const [first] = errors;
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
function permittedHost(settings: ConnectSettings): IpAddress | string {
  const { hostname, port } = settings;
  const ip = parseIp(hostname);
  const host = ip ?? asciiHostname(hostname);
  runtime.requireNet(typeof host === "string" ? host : formatIp(host), port);
  return host;
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

/* The addresses to try, with the permission of the user. */
async function permittedAddresses(
  settings: ConnectSettings,
): Promise<readonly IpAddress[]> {
  const { port } = settings;
  const host = permittedHost(settings);
  return typeof host === "string"
    ? permittedFound(await resolve(host, port), port)
    : [host];
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
  localAddress: string | undefined,
): IpAddress | undefined {
  if (localAddress === undefined) return undefined;
  const ip = parseIp(localAddress);
  if (ip === undefined) {
    wrongType("localAddress", "an IP address", localAddress);
  }
  return ip;
}

/** Connects, and gives the loop a stream. Tests bring their own addresses. */
export async function makeConnection(
  loop: Loop,
  settings: ConnectSettings,
  findAddresses: typeof permittedAddresses = permittedAddresses,
): Promise<Conn> {
  const { hostname, port, signal, timeout } = settings;
  const local = parseLocal(settings.localAddress);
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
  try {
    const found = await Promise.race([findAddresses(settings), givenUp]);
    /* Both may have come at once. */
    if (isGivenUp) await givenUp;
    const usable = usableAddresses(settings, local, found);
    return await new Promise<Conn>((resolve, reject) => {
      race = new Race(loop, settings, local, usable, resolve, reject);
    });
  } finally {
    loop.unref();
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
  const host = permittedHost(settings);
  if (typeof host !== "string") return [host];
  const about = { syscall: "connect", port };
  const found = resolveSync(loop.native, host, ADDRESSES_MAX, about);
  return permittedFound(found, port);
}

/** The same as {@linkcode makeConnection}, while the thread waits. */
export function makeConnectionSync(
  loop: Loop,
  settings: ConnectSettings,
  findAddresses: typeof permittedAddressesSync = permittedAddressesSync,
): Conn {
  const { hostname, port, signal, timeout = Infinity } = settings;
  const local = parseLocal(settings.localAddress);
  throwIfAborted(signal);
  const end = now() + timeout;
  const found = findAddresses(loop, settings);
  const usable = usableAddresses(settings, local, found);
  const answer = new Answer<Conn>();
  const { resolve, reject } = answer;
  const race = new Race(loop, settings, local, usable, resolve, reject);
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
