// Copyright the iocp authors. MIT license.
/* ioredis and node-redis, to a server of Redis. */

import "../../net_register.ts";
import { noServers, startServer } from "../shared/servers.ts";
import { testLibraries } from "../shared/library.ts";
import { ioredis, nodeRedis } from "./clients/redis.ts";

testLibraries(noServers, () => startServer("redis"), [ioredis, nodeRedis]);
