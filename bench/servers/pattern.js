// Copyright the iocp authors. MIT license.

// The bytes that a source sends, as the load expects them (load/pattern.c): a
// stream that repeats after PERIOD bytes.

const PERIOD = 65521;
const BLOCK = 64 * 1024;

/** A function that has the block at any position of the stream. */
export function makeBlocks() {
  let state = 2463534242;
  const pattern = new Uint8Array(PERIOD + BLOCK);
  for (let i = 0; i < PERIOD; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    pattern[i] = state >>> 24;
  }
  for (let i = PERIOD; i < pattern.length; i++) {
    pattern[i] = pattern[i - PERIOD];
  }
  return (position) => {
    const start = position % PERIOD;
    return pattern.subarray(start, start + BLOCK);
  };
}

/** What a sink answers at the end: the number of bytes that it has got. */
export function encodeCount(count) {
  const answer = new Uint8Array(8);
  new DataView(answer.buffer).setBigUint64(0, BigInt(count), true);
  return answer;
}
