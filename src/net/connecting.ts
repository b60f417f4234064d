// Copyright the iocp authors. MIT license.
/* The connect() of a socket, from its options to a connection. */

import { ConnectAttempt } from "./connect_attempt.ts";
import { isWindows, runtime } from "../runtime/detect.ts";
import { asciiHostname } from "../native/address.ts";
import { type ConnectRequest, dnsFamily } from "./connect_request.ts";
import { dns, type Found, runtimeNet } from "./node_parts.ts";
import { allFailed, blocked, notAnIp, wrongFamily } from "./net_error.ts";
import { netGroup } from "./net_group.ts";
import { nextTick, type NodeTimer, nodeTimers } from "../runtime/globals.ts";
import type { Socket } from "../socket/socket.ts";
import type { WrittenChunk } from "../runtime/node_types.ts";

/** The socket that connects. */
export interface ConnectOwner {
  emit(event: string, ...values: unknown[]): boolean;
  /** Whether the process waits for the connection. */
  readonly isRef: boolean;
  /** One of these two is called, once, unless it is canceled before. */
  connected(socket: Socket): void;
  failed(error: unknown): void;
  /** As `address:port`, where several are tried. */
  autoSelectFamilyAttemptedAddresses: string[] | undefined;
}

/** A connection that is being made. */
export class Connecting {
  readonly #owner: ConnectOwner;
  readonly #request: ConnectRequest;
  readonly #errors: Error[] = [];
  #attempt: ConnectAttempt | undefined;
  #timer: NodeTimer | undefined;
  #isOver = false;
  #isHolding = false;
  /** Made, and not yet passed on. */
  #made: Socket | undefined;
  /** A write of the stream that waits for the connection. */
  waiting: readonly WrittenChunk[] = [];

  constructor(owner: ConnectOwner, request: ConnectRequest) {
    this.#owner = owner;
    this.#request = request;
  }

  start(): void {
    if (this.#isOver) return;
    const { path, host } = this.#request;
    if (path !== undefined) {
      this.#hold();
      this.#attempt = ConnectAttempt.toPath(path, this.#done);
      this.#attempt.start();
      return;
    }
    const family = runtimeNet.isIP(host);
    if (family !== 0) {
      /* A permission has no zone. */
      const [ip] = host.split("%");
      const isPermitted = this.#permit(() =>
        runtime.requireNet(ip!, this.#request.port)
      );
      if (isPermitted) {
        nextTick(() => this.#tryAll([{ address: host, family }]));
      }
    } else this.#lookUp(host);
  }

  /** Whether the process waits for the connection. */
  setRef(isRef: boolean): void {
    if (isRef === this.#isHolding || this.#attempt === undefined) return;
    this.#isHolding = isRef;
    const { loop } = netGroup();
    if (isRef) loop.ref();
    else loop.unref();
  }

  /** Gives the attempt up. */
  cancel(): void {
    if (this.#isOver) return;
    this.#made?.abandon();
    this.#end();
  }

  #hold(): void {
    if (this.#isHolding || !this.#owner.isRef) return;
    this.#isHolding = true;
    netGroup().loop.ref();
  }

  #end(): void {
    this.#isOver = true;
    nodeTimers.clearTimeout(this.#timer);
    this.#attempt?.abandon();
    if (this.#isHolding) netGroup().loop.unref();
    this.#isHolding = false;
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#owner.failed(error);
  }

  /* Returns false, and fails later, when the user refuses a permission. */
  #permit(request: () => void): boolean {
    try {
      request();
      return true;
    } catch (error) {
      nextTick(() => this.#fail(error));
      return false;
    }
  }

  /* ---- the look-up */

  #lookUp(host: string): void {
    const { port, family: given, hints: givenHints, lookup, isMultiple } =
      this.#request;
    const family = dnsFamily(given);
    /* As in Node: only families that this machine has. */
    const hints = givenHints === 0 && family !== 4 && family !== 6 && !isWindows
      ? dns.ADDRCONFIG
      : givenHints;
    const options: Record<string, unknown> = { family, hints };
    if (isMultiple) options["all"] = true;
    if (lookup === undefined) {
      /* Deno requires the permission for the given port alone. */
      Object.assign(options, { port });
      const permit = () => runtime.requireNet(permittedName(host), port);
      if (!this.#permit(permit)) return;
    }
    const find = lookup ?? dns.lookup;
    find(host, options, (error, found, foundFamily) => {
      if (isMultiple && Array.isArray(found)) this.#foundAll(error, found);
      else this.#found(error, found, foundFamily);
    });
  }

  #found(error: Error | null, found: unknown, family?: number): void {
    const { host, port } = this.#request;
    this.#owner.emit("lookup", error, found, family, host);
    if (this.#isOver) return;
    if (error) nextTick(() => this.#fail(error));
    else if (runtimeNet.isIP(found) === 0) {
      nextTick(() => this.#fail(notAnIp(found)));
    } else if (family !== 4 && family !== 6) {
      nextTick(() => this.#fail(wrongFamily(family, host, port)));
    } else this.#permitAll([{ address: found as string, family }]);
  }

  #foundAll(error: Error | null, found: readonly Found[]): void {
    const { host, port } = this.#request;
    if (error) {
      this.#found(error, undefined);
      return;
    }
    for (const { address, family } of found) {
      this.#owner.emit("lookup", null, address, family, host);
      if (this.#isOver) return;
    }
    const valid = found.filter(({ address, family }) =>
      runtimeNet.isIP(address) !== 0 && (family === 4 || family === 6)
    );
    if (valid.length > 0) {
      if (valid.length > 1) this.#owner.autoSelectFamilyAttemptedAddresses = [];
      this.#permitAll(alternate(valid));
    } else {
      const { address, family } = found[0] ?? { address: undefined, family: 0 };
      nextTick(() =>
        this.#fail(
          runtimeNet.isIP(address) === 0
            ? notAnIp(address)
            : wrongFamily(family, host, port),
        )
      );
    }
  }

  #permitAll(found: readonly Found[]): void {
    const { port, lookup } = this.#request;
    for (const { address } of found) {
      const isPermitted = this.#permit(() =>
        lookup === undefined
          ? runtime.requireNetResolved(address, port)
          : runtime.requireNet(address, port)
      );
      if (!isPermitted) return;
    }
    this.#tryAll(found);
  }

  /* ---- the attempts */

  #tryAll([first, ...others]: readonly Found[]): void {
    if (this.#isOver) return;
    const { blockList, port } = this.#request;
    const { address, family } = first!;
    this.#owner.autoSelectFamilyAttemptedAddresses?.push(`${address}:${port}`);
    if (blockList?.check(address, family === 4 ? "ipv4" : "ipv6")) {
      const error = blocked(address);
      if (others.length === 0 && this.#errors.length === 0) {
        nextTick(() => this.#fail(error));
        return;
      }
      this.#failedOne(first!, error, others);
      return;
    }
    this.#owner.emit("connectionAttempt", address, port, family);
    if (this.#isOver) return;
    this.#hold();
    const attempt = ConnectAttempt.toAddress(
      this.#request,
      first!,
      (socket, error) => this.#triedOne(first!, others, socket, error),
    );
    this.#attempt = attempt;
    attempt.start();
    if (others.length === 0 || this.#attempt !== attempt) return;
    const { attemptTimeout } = this.#request;
    this.#timer = nodeTimers.setTimeout(() => {
      this.#owner.emit("connectionAttemptTimeout", address, port, family);
      if (this.#isOver) return;
      attempt.abandon();
      this.#errors.push(attempt.timedOut());
      this.#tryAll(others);
    }, attemptTimeout);
    this.#timer.unref();
  }

  #triedOne(
    tried: Found,
    others: readonly Found[],
    socket: Socket | undefined,
    error: unknown,
  ): void {
    nodeTimers.clearTimeout(this.#timer);
    if (socket !== undefined) this.#done(socket, undefined);
    /* User code runs in a later turn. */
    else nextTick(() => this.#failedOne(tried, error as Error, others));
  }

  #failedOne(tried: Found, error: Error, others: readonly Found[]): void {
    if (this.#isOver) return;
    const { address, family } = tried;
    const { port } = this.#request;
    this.#owner.emit("connectionAttemptFailed", address, port, family, error);
    if (this.#isOver) return;
    this.#errors.push(error);
    if (others.length > 0) this.#tryAll(others);
    else {this.#fail(
        this.#errors.length === 1 ? error : allFailed(this.#errors),
      );}
  }

  #done = (socket: Socket | undefined, error: unknown): void => {
    this.#made = socket;
    nextTick(() => {
      if (this.#isOver) return;
      if (socket === undefined) this.#fail(error);
      else {
        this.#end();
        this.#owner.connected(socket);
      }
    });
  };
}

/* The name as a permission has it. What is no host name is for the resolver to
 * refuse. */
function permittedName(host: string): string {
  try {
    return asciiHostname(host);
  } catch {
    return host;
  }
}

/* The families alternate, beginning with that of the first address. */
function alternate(found: readonly Found[]): Found[] {
  const first = found.filter(({ family }) => family === found[0]!.family);
  const other = found.filter(({ family }) => family !== found[0]!.family);
  const longer = first.length > other.length ? first : other;
  return longer.flatMap((_, i) => [
    ...first.slice(i, i + 1),
    ...other.slice(i, i + 1),
  ]);
}
