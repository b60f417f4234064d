// Copyright the iocp authors. MIT license.
/* Prints a connection; see tests/inspect_test.ts. */

import { connect, listen } from "../../mod.ts";

using listener = listen({ hostname: "127.0.0.1", port: 0 });
using conn = await connect(listener.addr);
console.log(conn);
