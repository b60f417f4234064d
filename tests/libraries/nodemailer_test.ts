// Copyright the iocp authors. MIT license.
/* nodemailer, to smtp-server, which is over iocp/net too. */

import "../../net_register.ts";
import { testLibraries } from "../shared/library.ts";
import { nodemailer, start } from "./clients/nodemailer.ts";

testLibraries(false, start, [nodemailer]);
