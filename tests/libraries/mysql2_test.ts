// Copyright the iocp authors. MIT license.
/* mysql2 and its pool, to a server of MariaDB. */

import "../../net_register.ts";
import { noServers, startServer } from "../shared/servers.ts";
import { testLibraries } from "../shared/library.ts";
import { connection, pool } from "./clients/mariadb.ts";

testLibraries(noServers, () => startServer("mariadb"), [connection, pool]);
