// Copyright the iocp authors. MIT license.
/* mqtt, to the broker aedes, which is over iocp/net too. */

import "../../net_register.ts";
import { testLibraries } from "../shared/library.ts";
import { mqtt, start } from "./clients/mqtt.ts";

testLibraries(false, start, [mqtt]);
