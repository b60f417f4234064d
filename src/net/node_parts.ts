// Copyright the iocp authors. MIT license.
/* What this folder takes from the runtime, captured when it is loaded: a program may
 * replace members of node:net by those of this module later. */

import type { Duplex as Stream, EventListener } from "../runtime/node_types.ts";
import { nodeModule } from "../runtime/globals.ts";
import type { Signal } from "../runtime/web_types.ts";

/** `events.EventEmitter`. */
export interface Emitter {
  emit(event: string, ...values: unknown[]): boolean;
  listenerCount(event: string): number;
  on(event: string, listener: EventListener): this;
  once(event: string, listener: EventListener): this;
  removeListener(event: string, listener: EventListener): this;
}

/** `stream.Duplex` with what only a subclass needs. */
export interface DuplexBase extends Stream, Emitter {
  on(event: string, listener: EventListener): this;
  once(event: string, listener: EventListener): this;
  removeListener(event: string, listener: EventListener): this;
  emit(event: string, ...values: unknown[]): boolean;
  isPaused(): boolean;
  readonly readableEnded: boolean;
  _undestroy(): void;
}

/** A constructor of Node's modules, which is a function. */
export interface BaseClass<T> {
  readonly prototype: T;
  new (...values: unknown[]): T;
  call(self: unknown, ...values: unknown[]): void;
}

/** A found address, as `dns.lookup()` returns it with the option `all`. */
export interface Found {
  readonly address: string;
  readonly family: number;
}
/** `dns.lookup`, or a function with its signature. */
export type Lookup = (
  hostname: string,
  options: Record<string, unknown>,
  callback: (
    error: Error | null,
    found?: string | readonly Found[],
    family?: number,
  ) => void,
) => void;

const stream = nodeModule<{
  Duplex: BaseClass<DuplexBase>;
  addAbortSignal(signal: Signal, stream: object): void;
}>("node:stream");
const events = nodeModule<{
  EventEmitter: BaseClass<Emitter>;
  captureRejectionSymbol: symbol;
}>("node:events");
const util = nodeModule<{
  inspect(value: unknown, options?: object): string;
  getSystemErrorMap(): Map<number, readonly [code: string, text: string]>;
}>("node:util");

export const Duplex: BaseClass<DuplexBase> = stream.Duplex;
export const addAbortSignal: (signal: Signal, stream: object) => void =
  stream.addAbortSignal;
export const EventEmitter: BaseClass<Emitter> = events.EventEmitter;
export const captureRejectionSymbol: symbol = events.captureRejectionSymbol;
export const inspect: (value: unknown, options?: object) => string =
  util.inspect;
export const getSystemErrorMap: () => Map<
  number,
  readonly [code: string, text: string]
> = util.getSystemErrorMap;

/** `node:dns`, whose `lookup` a program may replace. */
export const dns: { readonly lookup: Lookup; readonly ADDRCONFIG: number } =
  nodeModule("node:dns");

/** The parts of `node:net` that use no socket. */
export const runtimeNet: {
  readonly BlockList: abstract new () => unknown;
  readonly SocketAddress: abstract new () => unknown;
  getDefaultAutoSelectFamily(): boolean;
  getDefaultAutoSelectFamilyAttemptTimeout(): number;
  isIP(input: unknown): number;
  isIPv4(input: unknown): boolean;
  isIPv6(input: unknown): boolean;
} = { ...nodeModule<typeof runtimeNet>("node:net") };
