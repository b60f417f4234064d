// Copyright the iocp authors. MIT license.
/* The addresses that datagrams came from. A peer that sends often has one address
 * object, so that its datagrams make no garbage of that kind. */

import { ADDRESS_BYTES } from "../native/address.ts";
import { type DatagramAddr, decodeFrom } from "./address.ts";
import { Generations } from "./generations.ts";
import { DATAGRAM_BYTES, DATAGRAM_PATH_MAX } from "../native/completion.ts";
import { Packed } from "./packed.ts";

/** Words of a struct iocp_address. */
const ADDRESS_WORDS = ADDRESS_BYTES / 4;
/** Hashes in each of the two generations. */
const HASHES_MAX = 1024;
/** Peers with the same hash; more of them are forgotten. */
const SAME_HASH_MAX = 4;

/* The address of a peer. */
interface Peer {
  /** Frozen, since all datagrams of the peer have it. */
  readonly addr: DatagramAddr;
  /** The struct iocp_address. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly path: Uint8Array<ArrayBuffer>;
}

/** The peers of one socket: the recent 1,024, and at most 8,192. */
export class Peers {
  readonly #byHash = new Generations<number, Peer[]>(HASHES_MAX);
  /** The sender of the last datagram, which mostly is that of the next one. */
  #last: Peer | undefined;
  /** Where the library writes the sender of a single datagram. */
  readonly header: Packed = new Packed(
    new Uint8Array(new ArrayBuffer(DATAGRAM_BYTES + DATAGRAM_PATH_MAX)),
  );

  /** The sender of the datagram at `at`. */
  find(packed: Packed, at: number): DatagramAddr {
    const pathLength = packed.pathLength(at);
    const last = this.#last;
    if (last !== undefined && isSame(last, packed, at, pathLength)) {
      return last.addr;
    }
    const hash = hashOf(packed, at, pathLength);
    const peers = this.#byHash.get(hash);
    const known = peers?.find((peer) => isSame(peer, packed, at, pathLength));
    const peer = known ?? makePeer(packed, at, pathLength);
    if (peers === undefined) this.#byHash.set(hash, [peer]);
    else if (known === undefined) {
      if (peers.length === SAME_HASH_MAX) peers.shift();
      peers.push(peer);
    }
    return (this.#last = peer).addr;
  }
}

function isSame(
  peer: Peer,
  { words, bytes }: Packed,
  at: number,
  pathLength: number,
): boolean {
  const own = peer.words;
  const first = at >> 2;
  for (let i = 0; i < ADDRESS_WORDS; i++) {
    if (own[i] !== words[first + i]) return false;
  }
  const pathAt = at + DATAGRAM_BYTES;
  for (let i = 0; i < pathLength; i++) {
    if (peer.path[i] !== bytes[pathAt + i]) return false;
  }
  return true;
}

/* FNV-1a over words, as a small integer. */
function hashOf(
  { words, bytes }: Packed,
  at: number,
  pathLength: number,
): number {
  let hash = 0x811c9dc5;
  const first = at >> 2;
  for (let i = 0; i < ADDRESS_WORDS; i++) {
    hash = Math.imul(hash ^ words[first + i]!, 0x01000193);
    hash ^= hash >>> 15;
  }
  const pathAt = at + DATAGRAM_BYTES;
  for (let i = 0; i < pathLength; i++) {
    hash = Math.imul(hash ^ bytes[pathAt + i]!, 0x01000193);
  }
  return hash >> 2;
}

function makePeer(packed: Packed, at: number, pathLength: number): Peer {
  const words = packed.words.slice(at >> 2, (at >> 2) + ADDRESS_WORDS);
  const pathAt = at + DATAGRAM_BYTES;
  const path = packed.bytes.slice(pathAt, pathAt + pathLength);
  const addr = Object.freeze(decodeFrom(new Uint8Array(words.buffer), path));
  return { addr, words, path };
}
