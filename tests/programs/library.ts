// Copyright the iocp authors. MIT license.
/* Prints the path of the loaded library once it has worked, or the error. */

import { CompletionPort } from "../../mod.ts";

try {
  using port = new CompletionPort();
  const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
  const [conn] = await Promise.all([
    port.connect(listener.addr),
    listener.accept(),
  ]);
  await conn.write(new Uint8Array(3));
  console.log(`loaded ${port.libraryPath}`);
} catch (error) {
  const { name, message } = error as Error;
  console.log(`${name}: ${message}`);
}
