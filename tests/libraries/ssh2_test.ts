// Copyright the iocp authors. MIT license.
/* ssh2 and its SFTP, to the server of ssh2, which is over iocp/net too. */

import "../../net_register.ts";
import { testLibraries } from "../shared/library.ts";
import { ssh2, start } from "./clients/ssh2.ts";

testLibraries(false, start, [ssh2]);
