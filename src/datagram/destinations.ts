// Copyright the iocp authors. MIT license.
/* Where datagrams go: addresses and host names as users pass them, on their way to
 * the structs of the library, and the permissions that they need. */

import { type DatagramAddr, encodeUdp } from "./address.ts";
import { Generations } from "./generations.ts";
import { type IpAddress, LOOPBACK } from "../native/address.ts";
import { SocketError } from "../errors.ts";
import { permittedPath, structOf } from "../connect/path_access.ts";
import { permittedHost, requireResolved } from "../connect/permission.ts";
import type { Native } from "../native/symbols.ts";
import {
  requireHostname,
  requireOptions,
  requirePath,
  requirePort,
  wrongType,
} from "../options/validate.ts";
import { resolve } from "../connect/resolver.ts";

/** Destinations of each of the two generations. */
const DESTINATIONS_MAX = 1024;

/** What a socket can send to: IPv4, IPv6, IPv6 with IPv4, or unix sockets. */
export type Reach = 4 | 6 | "both" | "unix";

/* What a user passes. */
interface Given {
  readonly transport?: unknown;
  readonly hostname?: unknown;
  readonly port?: unknown;
  readonly path?: unknown;
}

/* The host and port, or the path, of an address, and its struct. */
interface Found extends Given {
  readonly struct: Uint8Array;
}

/**
 * The destinations of one socket.
 *
 * The permission of a destination is asked for when the socket first sends there,
 * and not for every datagram, for which that would cost more than sending it.
 */
export class Destinations {
  readonly #native: Native;
  readonly #reach: Reach;
  /** The structs of frozen addresses, such as those of received datagrams. */
  readonly #byAddr = new WeakMap<object, Uint8Array>();
  readonly #byName = new Generations<string, Uint8Array>(DESTINATIONS_MAX);
  /** The last one that was found by its name, which mostly is the next one too. */
  #last: Found | undefined;

  constructor(native: Native, reach: Reach) {
    this.#native = native;
    this.#reach = reach;
  }

  /** True for the socket of a path. */
  get isUnix(): boolean {
    return this.#reach === "unix";
  }

  /** The struct of an address that cannot have changed since {@linkcode find} has
   * returned it, if this is one. */
  known(addr: object): Uint8Array | undefined {
    return this.#byAddr.get(addr);
  }

  /** The struct of an address that has the host and port, or the path, of the last
   * one. An address that may change is compared anew each time, which costs less
   * than to find it. */
  again(addr: object | null): Uint8Array | undefined {
    const last = this.#last;
    if (last === undefined || addr === null) return undefined;
    const { transport, hostname, port, path } = addr as Given;
    const isSame = hostname === last.hostname &&
      port === last.port && path === last.path &&
      (transport === undefined || transport === last.transport);
    return isSame ? last.struct : undefined;
  }

  /**
   * The struct of the address, or a promise of it when its host is a name that has
   * to be looked up.
   *
   * @throws {TypeError} or {RangeError} that names the wrong argument, with
   * `name` as that of the address.
   * @throws the runtime's own error when the user refuses the permission.
   */
  find(name: string, addr: unknown): Uint8Array | Promise<Uint8Array> {
    requireOptions(addr, name);
    const known = this.known(addr as object) ?? this.again(addr as object);
    if (known !== undefined) return known;
    const struct = this.#reach === "unix"
      ? this.#unix(name, addr as Given)
      : this.#udp(name, addr as Given);
    if (struct instanceof Uint8Array && Object.isFrozen(addr)) {
      this.#byAddr.set(addr as object, struct);
    }
    return struct;
  }

  #unix(name: string, { transport, path }: Given): Uint8Array {
    requireTransport(name, transport, "unixpacket");
    const text = requirePath(`${name}.path`, path);
    if (text === "") {
      wrongType(`${name}.path`, "the path of a socket", text);
    }
    const known = this.#byName.get(text);
    if (known !== undefined) return this.#remember(unixFound(text, known));
    const addr = permittedPath({ transport: "unix", path: text });
    const struct = structOf(addr, "sendto");
    this.#byName.set(text, struct);
    return this.#remember(unixFound(text, struct));
  }

  #udp(name: string, given: Given): Uint8Array | Promise<Uint8Array> {
    requireTransport(name, given.transport, "udp");
    const hostname = requireHostname(`${name}.hostname`, given.hostname);
    const port = requirePort(given.port, 1, `${name}.port`);
    const key = `${hostname} ${port}`;
    const known = this.#byName.get(key);
    if (known !== undefined) {
      return this.#remember(udpFound(hostname, port, known));
    }
    const destination = { hostname, port };
    const host = permittedHost(this.#native, destination, "sendto");
    if (typeof host === "string" && host !== "localhost") {
      const found = this.#lookUp(host, port);
      /* The caller may fail before it waits for it. */
      found.catch(() => {});
      return found;
    }
    const ips = typeof host === "string" ? LOOPBACK : [host];
    const struct = this.#encode(ips, hostname, port);
    this.#byName.set(key, struct);
    return this.#remember(udpFound(hostname, port, struct));
  }

  #remember(found: Found): Uint8Array {
    this.#last = found;
    return found.struct;
  }

  /* A name is looked up each time, since its addresses may change. */
  async #lookUp(host: string, port: number): Promise<Uint8Array> {
    const found = await resolve(this.#native, host, port);
    return this.#encode(found, host, port);
  }

  /* The first of the addresses that the socket can send to. */
  #encode(
    ips: readonly IpAddress[],
    address: string,
    port: number,
  ): Uint8Array {
    const reach = this.#reach;
    const ip = ips.find(({ family }) => family === reach) ??
      (reach === "both" ? ips[0] : undefined);
    if (ip === undefined) {
      throw new SocketError("EAFNOSUPPORT", {
        syscall: "sendto",
        address,
        port,
        detail: `it has no IPv${reach} address, and the socket has no other`,
      });
    }
    requireResolved([ip], port);
    return encodeUdp(ip, port, reach === "both");
  }
}

function udpFound(hostname: string, port: number, struct: Uint8Array): Found {
  return { transport: "udp", hostname, port, path: undefined, struct };
}

function unixFound(path: string, struct: Uint8Array): Found {
  const address = { hostname: undefined, port: undefined, path };
  return { transport: "unixpacket", ...address, struct };
}

function requireTransport(
  name: string,
  value: unknown,
  wanted: DatagramAddr["transport"],
): void {
  if (value === undefined || value === wanted) return;
  wrongType(`${name}.transport`, JSON.stringify(wanted), value);
}
