// Copyright the iocp authors. MIT license.

export function makeBlocks(): (position: number) => Uint8Array<ArrayBuffer>;
export function encodeCount(count: number): Uint8Array<ArrayBuffer>;
