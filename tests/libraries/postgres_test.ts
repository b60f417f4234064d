// Copyright the iocp authors. MIT license.
/* pg, its Pool, and postgres.js, to a server of PostgreSQL. */

import "../../net_register.ts";
import { noServers, startServer } from "../shared/servers.ts";
import { testLibraries } from "../shared/library.ts";
import { pg, pool, postgres } from "./clients/postgres.ts";

testLibraries(noServers, () => startServer("postgres"), [pg, pool, postgres]);
