// Copyright the iocp authors. MIT license.

import { NotSupported, SocketError } from "../errors.ts";
import { type TcpInfoFields, UNKNOWN } from "../native/tcp_info.ts";
import type { TcpInfo } from "../stats.ts";
import type { Socket } from "./socket.ts";

const ACTION = "get what the system knows of TCP";

function refuse(why: string, cause?: Error): never {
  throw new NotSupported(`Cannot ${ACTION}: ${why}`, cause && { cause });
}

function read({ loop, id }: Socket): TcpInfoFields {
  try {
    return loop.port.tcpInfo(id);
  } catch (error) {
    if (!(error instanceof SocketError) || error.code !== "ENOTSUP") {
      throw error;
    }
    refuse(
      "this system has no SIO_TCP_INFO, which Windows has since Windows 10, version 1703",
      error,
    );
  }
}

function known(value: number): number | undefined {
  return value === UNKNOWN ? undefined : value;
}

function milliseconds(us: number): number | undefined {
  return us === UNKNOWN ? undefined : us / 1000;
}

/** What the system knows of the connection of TCP. */
export function tcpInfo(socket: Socket): TcpInfo {
  if (socket.isClosed) throw socket.closedError("getsockopt", ACTION);
  const { transport } = socket.settings;
  if (transport === "pipe") refuse("a named pipe is no connection of TCP");
  if (transport === "unix") refuse("a unix socket is no connection of TCP");
  const fields = read(socket);
  return {
    smoothedRtt: fields.rttUs / 1000,
    rttVariation: milliseconds(fields.rttVarianceUs),
    minRtt: milliseconds(fields.rttMinUs),
    bytesInFlight: fields.bytesInFlight,
    congestionWindow: fields.congestionWindow,
    maxSegmentSize: fields.maxSegment,
    bytesRetransmitted: known(fields.bytesRetransmitted),
    segmentsRetransmitted: known(fields.segmentsRetransmitted),
    deliveryRate: known(fields.deliveryRate),
  };
}
