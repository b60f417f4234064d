// Copyright the iocp authors. MIT license.
// What a source sends: as ../pattern.h has it.

pub const BLOCK: usize = 65536;

/* A prime, so that no multiple of a block's length comes out even. */
const PERIOD: usize = 65521;

/// The stream's first bytes; the block from position `p` on is at `start(p)`.
pub fn pattern() -> Vec<u8> {
    let mut state = 2463534242u32;
    let mut bytes = Vec::with_capacity(PERIOD + BLOCK);
    for _ in 0..PERIOD {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes.push((state >> 24) as u8);
    }
    for i in 0..BLOCK {
        bytes.push(bytes[i]);
    }
    bytes
}

pub fn start(position: usize) -> usize {
    position % PERIOD
}
