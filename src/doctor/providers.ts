// Copyright the iocp authors. MIT license.
/* The Winsock catalog of Windows. A provider without XP1_IFS_HANDLES returns
 * sockets that are not handles of the kernel, which a completion port needs.
 * https://learn.microsoft.com/windows/win32/api/winsock2/ns-winsock2-wsaprotocol_infow */

import { type Check, type Finding, skipped } from "./check.ts";
import { readRegistry, type RegistryValue } from "./registry.ts";
import type { Facts } from "./report.ts";

const CATALOG =
  "HKLM\\SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters\\Protocol_Catalog9\\Catalog_Entries64";

/* PackedCatalogItem is the path of the DLL, MAX_PATH bytes, and a
 * WSAPROTOCOL_INFOW. */
const INFO = 260;
const CHAIN_LENGTH = INFO + 40;
const FAMILY = INFO + 76;
const TYPE = INFO + 88;
const NAME = INFO + 116;
const NAME_LENGTH = 512;
const IFS_HANDLES = 0x20000;
const STREAM = 1;
const AF_INET = 2;
const AF_INET6 = 23;

/** A provider of stream sockets over IP. */
export interface Provider {
  readonly name: string;
  readonly path: string;
  readonly family: "ipv4" | "ipv6";
  /** 0: layered; 1: base; more: the length of a chain. */
  readonly chainLength: number;
  /** Whether its sockets are handles of the kernel (XP1_IFS_HANDLES). */
  readonly hasIfsHandles: boolean;
}

function bytesOf(hex: string): DataView {
  const pairs = hex.match(/../g) ?? [];
  const bytes = Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
  return new DataView(bytes.buffer);
}

function text(view: DataView, start: number, end: number, step: 1 | 2): string {
  let result = "";
  for (let at = start; at < end; at += step) {
    const unit = step === 1 ? view.getUint8(at) : view.getUint16(at, true);
    if (unit === 0) break;
    result += String.fromCharCode(unit);
  }
  return result;
}

/** Parses the values of the catalog; undefined for what is not TCP over IP. */
export function parseProvider({ name, data }: RegistryValue):
  | Provider
  | undefined {
  if (name !== "PackedCatalogItem") return undefined;
  const view = bytesOf(data);
  if (view.byteLength < NAME + NAME_LENGTH) return undefined;
  const family = view.getInt32(FAMILY, true);
  if (view.getInt32(TYPE, true) !== STREAM) return undefined;
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  return {
    name: text(view, NAME, NAME + NAME_LENGTH, 2),
    path: text(view, 0, INFO, 1),
    family: family === AF_INET ? "ipv4" : "ipv6",
    chainLength: view.getInt32(CHAIN_LENGTH, true),
    hasIfsHandles: (view.getUint32(INFO, true) & IFS_HANDLES) !== 0,
  };
}

/** The finding for the providers of a catalog. */
export function judgeProviders(providers: readonly Provider[]): Finding {
  const facts: Facts = { providers: providers.map((one) => ({ ...one })) };
  const bad = providers.filter(({ hasIfsHandles }) => !hasIfsHandles);
  const summary = `${providers.length} providers of TCP`;
  if (bad.length === 0) return { status: "ok", summary, facts };
  return {
    status: "warning",
    summary: `${summary}, ${bad.length} without handles of the kernel`,
    advice: bad.map(({ name, path }) =>
      `"${name}" (${path}) may not work with completion ports: update or remove the program that installed it`
    ),
    facts,
  };
}

/** Which providers of TCP the system has. */
export const providersCheck: Check = {
  id: "providers",
  async run({ host, isWindows, wine }): Promise<Finding> {
    if (!isWindows) return skipped("only Windows has a catalog of them");
    if (wine !== undefined) {
      return skipped("Wine has no catalog of Winsock providers");
    }
    const values = await readRegistry(host, CATALOG);
    if (values === undefined) return skipped("the catalog cannot be read");
    const providers = values.map(parseProvider);
    return judgeProviders(providers.filter((one) => one !== undefined));
  },
};
