// Copyright the iocp authors. MIT license.

import type { Addr } from "../native/address.ts";
import type { LOCAL, PEER } from "../native/completion.ts";
import type { Peer } from "../native/peer.ts";
import type { TcpInfoFields } from "../native/tcp_info.ts";
import type { Socket } from "../socket/socket.ts";

/** The calls of a port that are about the connection below TLS. */
export abstract class BelowPort {
  protected readonly raw: Socket;

  constructor(raw: Socket) {
    this.raw = raw;
  }

  address(_id: number, end: typeof LOCAL | typeof PEER): Addr {
    return this.raw.address(end);
  }

  addressBytes(_id: number, end: typeof LOCAL | typeof PEER): Uint8Array {
    const { loop, id } = this.raw;
    return loop.port.addressBytes(id, end);
  }

  peer(): Peer {
    return this.raw.peer();
  }

  setOption(_id: number, option: number, value: number): number {
    const { loop, id } = this.raw;
    return loop.port.setOption(id, option, value);
  }

  getOption(_id: number, option: number): number {
    const { loop, id } = this.raw;
    return loop.port.getOption(id, option);
  }

  tcpInfo(): TcpInfoFields {
    const { loop, id } = this.raw;
    return loop.port.tcpInfo(id);
  }

  hasProgressed(): boolean {
    const { loop, id, isReleased } = this.raw;
    return !isReleased && loop.port.hasProgressed(id);
  }
}
