// Copyright the iocp authors. MIT license.

// A program as a user has it, with every flag of the compiler that is strict:
// it is only checked, never run, with different libraries of types.

import * as http from "../../http.ts";
import * as iocp from "../../mod.ts";
import * as net from "../../net.ts";

export type Module = typeof iocp;

type IsAny<T> = 0 extends 1 & T ? true : false;

/* Where a type is not known, what stands in for it is not just anything. */
export const isAny: readonly [
  IsAny<iocp.SocketDuplex>,
  IsAny<iocp.ByteReadable>,
  IsAny<iocp.ByteWritable>,
  IsAny<iocp.Signal>,
  IsAny<net.Socket>,
  IsAny<net.Server>,
  IsAny<typeof net.connect>,
  IsAny<typeof net.default>,
  IsAny<ReturnType<typeof http.httpAgent>>,
  IsAny<ReturnType<typeof http.httpsAgent>>,
  IsAny<ReturnType<typeof http.connectTls>>,
] = [
  false,
  false,
  false,
  false,
  false,
  false,
  false,
  false,
  false,
  false,
  false,
];

/* Each option may be undefined, which means the same as leaving it out. */
type Undefinable<T> = { [K in keyof T]?: undefined } extends Partial<T> ? true
  : false;

export const undefinable: readonly [
  Undefinable<Omit<iocp.ConnectOptions, "port">>,
  Undefinable<iocp.ListenOptions>,
  Undefinable<iocp.ConnOptions>,
  Undefinable<iocp.SyncOptions>,
  Undefinable<iocp.OperationOptions>,
  Undefinable<iocp.AddSocketOptions>,
  Undefinable<iocp.KeepAliveOptions>,
  Undefinable<iocp.ReceiveOptions>,
  Undefinable<iocp.ByteReaderOptions>,
  Undefinable<iocp.ReadOptions>,
  Undefinable<iocp.LineOptions>,
  Undefinable<iocp.FrameOptions>,
  Undefinable<Omit<iocp.SocketErrorOptions, "syscall">>,
] = [
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
];

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

/* Chunks have memory of their own kind, so that they go where the platform wants
 * no shared memory. */
export async function passOn(conn: iocp.Conn): Promise<ArrayBuffer[]> {
  const buffers: ArrayBuffer[] = [];
  for await (const chunk of conn) buffers.push(chunk.buffer);
  for await (const chunk of conn.chunks(new Uint8Array(10))) {
    buffers.push(chunk.buffer);
  }
  const shared = new Uint8Array(new SharedArrayBuffer(10));
  for await (const chunk of conn.chunks(shared)) {
    // @ts-expect-error: the chunks of shared memory are shared memory.
    buffers.push(chunk.buffer);
  }
  const { bytes } = await conn.detach();
  if (bytes !== undefined) buffers.push(bytes.buffer);
  for await (const { data } of new iocp.CompletionPort().events()) {
    if (data !== undefined) buffers.push(data.buffer);
  }
  return buffers;
}

/* Readers have memory of that kind as well, and take any bytes. */
export async function readFrom(
  conn: iocp.Conn<iocp.Addr>,
  source: AsyncIterable<Uint8Array>,
): Promise<ArrayBuffer[]> {
  const buffers: ArrayBuffer[] = [];
  const texts: string[] = [];
  for (const reader of [conn.reader(), new iocp.ByteReader(source)]) {
    buffers.push((await reader.readExactly(1, { timeout: 5 })).buffer);
    const some = await reader.readUntil("\n", { maxLength: 5 });
    if (some !== null) buffers.push(some.buffer);
    const line = await reader.readLine({ requireNewline: true });
    if (line !== null) texts.push(line);
    for await (const chunk of reader) buffers.push(chunk.buffer);
    await reader[Symbol.asyncDispose]();
  }
  for await (const line of conn.lines()) texts.push(line);
  for await (const line of iocp.lines(conn.readable)) texts.push(line);
  for await (const frame of conn.frames({ endian: "little" })) {
    buffers.push(frame.buffer);
  }
  for await (const frame of iocp.frames(source)) buffers.push(frame.buffer);
  // @ts-expect-error: there is no such order.
  conn.frames({ endian: "middle" });
  return buffers;
}

/* Calls that connections and listeners are made with instead. */
export function construct(): void {
  // @ts-expect-error: connections come from connect(), adopt() and a listener.
  new iocp.Conn();
  // @ts-expect-error: listeners come from listen().
  new iocp.Listener();
}

/* What listen() and connect() refuse does not type-check. */
export const receives: readonly iocp.ReceiveOptions[] = [
  {},
  { bufferSize: 5 },
  {
    mode: undefined,
    bufferSize: undefined,
    depth: undefined,
    limit: undefined,
  },
  { mode: "auto", bufferSize: 5 },
  { mode: "flow", bufferSize: 5, depth: undefined },
  { mode: "zero-byte" },
  { mode: "burst" },
  { mode: "burst", bufferSize: 5, depth: 2, limit: 10 },
  // @ts-expect-error: a depth is for bursts.
  { depth: 2 },
  // @ts-expect-error: a limit is for bursts.
  { mode: "auto", limit: 10 },
  // @ts-expect-error: a depth is for bursts.
  { mode: "flow", bufferSize: 5, depth: 2 },
  // @ts-expect-error: a limit is for bursts.
  { mode: "zero-byte", limit: 10 },
  // @ts-expect-error: there is no such mode.
  { mode: "bursts" },
  // @ts-expect-error: there is no such option.
  { mode: "burst", size: 5 },
];

/* The engines are the two that there are. */
export function engineName(port: iocp.CompletionPort): 0 | 1 {
  switch (port.engine) {
    case "iocp":
      return 0;
    case "epoll":
      return 1;
  }
}
