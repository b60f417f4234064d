// Copyright the iocp authors. MIT license.
/* The options of listenDatagram(), which are Deno's. */

import type { BindOptions, BindPathOptions } from "./datagram.ts";
import { optionalBoolean, requireOptions, wrongType } from "./validate.ts";

/** Options of {@linkcode listenDatagram} for UDP. */
export interface ListenDatagramOptions {
  /** From 0 to 65,535, or the text of such a number; 0 lets the system choose. */
  port: number | string;
  /**
   * An IP address or host name of this machine.
   *
   * @default {"0.0.0.0"}
   */
  hostname?: string | undefined;
  /** Always `"udp"`. */
  transport: "udp";
  /**
   * See {@linkcode BindOptions.reuseAddress}.
   *
   * @default {false}
   */
  reuseAddress?: boolean | undefined;
  /**
   * Delivers what is sent to a multicast group to members on this machine as
   * well.
   *
   * @default {false}
   */
  loopback?: boolean | undefined;
}

/** Options of {@linkcode listenDatagram} for a unix socket (Linux). */
export interface ListenDatagramPathOptions {
  /** The path of the socket file. Without it, the socket can only send. */
  path?: string | undefined;
  /** Always `"unixpacket"`. */
  transport: "unixpacket";
}

/** The options of bind() that they stand for. */
export function listenDatagramOptions(
  options: ListenDatagramOptions | ListenDatagramPathOptions,
): BindOptions | BindPathOptions {
  requireOptions(options);
  if (options.transport === "unixpacket") {
    const { transport, path = "" } = options;
    return { transport, path };
  }
  const { transport, port, hostname, reuseAddress, loopback } = options;
  if (transport === undefined) {
    wrongType("transport", '"udp" or "unixpacket"', transport);
  }
  if (port === undefined) wrongType("port", "a number", port);
  return {
    transport,
    port,
    hostname,
    reuseAddress,
    broadcast: true,
    multicastLoop: optionalBoolean("loopback", loopback, false),
  };
}
