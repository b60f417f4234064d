// Copyright the iocp authors. MIT license.
/* Does nothing until it is killed, or for a minute. */

setTimeout(() => {}, 60_000);
