// Copyright the iocp authors. MIT license.
/* Tries several addresses of one name, each a short time after the previous one,
 * and uses the first connection that is made (RFC 8305, "Happy Eyeballs").
 * https://www.rfc-editor.org/rfc/rfc8305 */

import { Attempt } from "./attempt.ts";
import { SocketError } from "../errors.ts";
import type { Group } from "../loop/group.ts";
import { encodeAddress, formatIp, type IpAddress } from "../native/address.ts";
import type { ConnectSettings } from "../options/connect.ts";
import { clearTimeout, now, setTimeout } from "../runtime/globals.ts";
import type { Socket } from "../socket/socket.ts";

/** What {@linkcode HappyEyeballs} needs. */
export interface HappyEyeballsOptions {
  readonly group: Group;
  readonly settings: ConnectSettings;
  /** The address to connect from; undefined leaves it to the system. */
  readonly local: IpAddress | undefined;
  /** In the resolver's order; at least one. */
  readonly addresses: readonly IpAddress[];
  /** One of these two is called, once. */
  readonly resolve: (socket: Socket) => void;
  readonly reject: (error: unknown) => void;
}

/** The attempts to connect to the addresses of one name. */
export class HappyEyeballs {
  readonly #options: HappyEyeballsOptions;
  /** The addresses that no attempt was started for yet. */
  readonly #addresses: IpAddress[];
  readonly #attempts = new Set<Attempt>();
  readonly #errors: SocketError[] = [];
  #timer: unknown;
  #isOver = false;
  #nextAt = Infinity;

  constructor(options: HappyEyeballsOptions) {
    this.#options = options;
    this.#addresses = interleave(options.addresses);
    this.startNext();
  }

  /** The time of the next attempt, as now() returns it. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** Abandons all attempts, and rejects with `error`. */
  cancel(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#options.reject(error);
  }

  /** Starts the next attempt. A timer does this too, unless the thread is
   * blocked. */
  startNext = (): void => {
    clearTimeout(this.#timer);
    this.#nextAt = Infinity;
    const ip = this.#addresses.shift();
    if (ip === undefined) return;
    const { group, settings, local } = this.#options;
    const { conn, port } = settings;
    try {
      this.#attempts.add(
        new Attempt({
          group,
          conn,
          destination: { address: formatIp(ip), port },
          remote: encodeAddress(ip, port),
          local: local === undefined ? null : encodeAddress(local, 0),
          onDone: this.#done,
        }),
      );
    } catch (error) {
      this.#failed(error as SocketError);
      return;
    }
    const { attemptDelay } = settings;
    if (this.#addresses.length > 0 && attemptDelay !== undefined) {
      this.#timer = setTimeout(this.startNext, attemptDelay);
      this.#nextAt = now() + attemptDelay;
    }
  };

  #done = (attempt: Attempt, error?: SocketError): void => {
    this.#attempts.delete(attempt);
    if (this.#isOver) return;
    if (error !== undefined) {
      this.#failed(error);
      return;
    }
    let socket: Socket;
    try {
      socket = attempt.toSocket();
    } catch (error) {
      attempt.abandon();
      this.cancel(error);
      return;
    }
    this.#end();
    this.#options.resolve(socket);
  };

  #failed(error: SocketError): void {
    this.#errors.push(error);
    if (this.#addresses.length > 0) {
      this.startNext();
    } else if (this.#attempts.size === 0) {
      this.#end();
      this.#options.reject(combine(this.#errors));
    }
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const attempt of this.#attempts) attempt.abandon();
    this.#attempts.clear();
  }
}

/* RFC 8305, section 4: the families alternate, beginning with that of the
 * resolver's first address. */
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

/* The first failure; when there are several, all of them are its cause. */
function combine(errors: readonly SocketError[]): SocketError {
  const [first] = errors;
  if (errors.length === 1) return first!;
  const { code, address, port, errno } = first!;
  return new SocketError(code, {
    syscall: "connect",
    address,
    port,
    errno,
    cause: new AggregateError(errors, "every address failed"),
  });
}
