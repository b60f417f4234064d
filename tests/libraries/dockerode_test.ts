// Copyright the iocp authors. MIT license.
/* dockerode, by an agent of node:http, to a server of node:http over iocp/net. */

import "../../net_register.ts";
import { testLibraries } from "../shared/library.ts";
import { dockerode, start } from "./clients/dockerode.ts";

testLibraries(false, start, [dockerode]);
