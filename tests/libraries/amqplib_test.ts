// Copyright the iocp authors. MIT license.
/* amqplib, to a server of RabbitMQ. */

import "../../net_register.ts";
import { noServers, startServer } from "../shared/servers.ts";
import { testLibraries } from "../shared/library.ts";
import { amqplib } from "./clients/rabbitmq.ts";

testLibraries(noServers, () => startServer("rabbitmq"), [amqplib]);
