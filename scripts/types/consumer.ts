// Copyright the iocp authors. MIT license.

// A program as a user has it, with every flag of the compiler that is strict:
// it is only checked, never run, with different libraries of types.

import * as iocp from "../../mod.ts";

export type Module = typeof iocp;

type IsAny<T> = 0 extends 1 & T ? true : false;

/* Where a type is not known, what stands in for it is not just anything. */
export const isAny: readonly [
  IsAny<iocp.SocketDuplex>,
  IsAny<iocp.ByteReadable>,
  IsAny<iocp.ByteWritable>,
  IsAny<iocp.Signal>,
] = [false, false, false, false];

/* Each option may be undefined, which means the same as leaving it out. */
type Undefinable<T> = { [K in keyof T]?: undefined } extends Partial<T> ? true
  : false;

export const undefinable: readonly [
  Undefinable<Omit<iocp.ConnectOptions, "port">>,
  Undefinable<iocp.ListenOptions>,
  Undefinable<iocp.ConnOptions>,
  Undefinable<iocp.SyncOptions>,
  Undefinable<iocp.AddSocketOptions>,
  Undefinable<iocp.KeepAliveOptions>,
  Undefinable<iocp.ReceiveOptions>,
  Undefinable<Omit<iocp.SocketErrorOptions, "syscall">>,
] = [true, true, true, true, true, true, true, true];

export async function use(): Promise<void> {
  const listener = iocp.listen({ port: 0, hostname: undefined });
  const { signal, ...rest }: iocp.ConnectOptions = { port: 1, timeout: 10 };
  const conn = await iocp.connect({ ...rest, signal });
  await conn.readable.cancel();
  await conn.writable.close();
  conn.duplex().destroy();
  conn[Symbol.dispose]();
  await listener[Symbol.asyncDispose]();
}
