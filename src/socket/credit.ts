// Copyright the iocp authors. MIT license.
/* Credit: the bytes that the library may still deliver for a connection. It is
 * what makes a slow reader slow its peer down. */

import type { ReceiveSettings } from "../options/receive_mode.ts";

/** Whether the bytes of a read are received on credit, and come with completions.
 * Otherwise they are read from the system when they are asked for. */
export function usesCredit(
  { mode }: ReceiveSettings,
  hasBuffer: boolean,
): boolean {
  if (mode === "zero-byte") return false;
  return !hasBuffer || mode !== "auto";
}

/**
 * How many bytes of credit to add, given those `ahead` of the reader: credit
 * that is open, and bytes that no read has claimed.
 *
 * Credit is added in steps of at least half the limit, so that small messages
 * cost no call each. A limit of 0 is for reads that use no credit.
 */
export function missingCredit(
  { limit }: ReceiveSettings,
  ahead: number,
): number {
  return limit === 0 || 2 * ahead > limit ? 0 : limit - ahead;
}
