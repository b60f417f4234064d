// Copyright the iocp authors. MIT license.
/* A host key for the server of ssh2. */

/** What is used of ssh2's `utils`. */
interface Utils {
  generateKeyPairSync(type: "ed25519"): { private: string };
  parseKey(key: string): object;
}

/** A new private key. About one in 250 that ssh2 1.17 generates is malformed, in Node as
 * well, and its own Server refuses that. */
export function sshHostKey(utils: Utils): string {
  for (;;) {
    const { private: key } = utils.generateKeyPairSync("ed25519");
    if (!(utils.parseKey(key) instanceof Error)) return key;
  }
}
