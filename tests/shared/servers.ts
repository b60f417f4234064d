// Copyright the iocp authors. MIT license.
/* Servers of the Debian in a folder, for the tests of client libraries. They run on
 * Linux also where the test is a program of Windows under Wine, and listen on
 * 127.0.0.1. */

import { spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { listen } from "../../mod.ts";
import { eventually } from "./deadline.ts";
import { debianRoot, insideDebian } from "./debian.ts";
import { isWindows } from "./local.ts";
import { refuses } from "./network.ts";
import { server as identity } from "./tls.ts";

/** Why this cell has none of the servers, or false. */
export const noServers: string | false = debianRoot === undefined &&
  "npm test sets the path of their folder, on Linux and under Wine";

/* A shell command that becomes the server, in a folder that outlives it and has its
 * certificate, and the line of its log when it accepts connections. */
interface Kind {
  readonly command: string;
  readonly ready: RegExp;
}

const PREPARE = `
export PATH=/usr/bin:/usr/sbin:/usr/lib/postgresql/17/bin LC_ALL=C.UTF-8 HOME=/tmp
cd /mnt
`;
const MARIADB_TABLES = "system_tables performance_tables system_tables_data";

/* None of them waits for the disk. PORT and SECURE_PORT are numbers. */
const kinds = {
  postgres: {
    command: `
test -e data || initdb --no-sync --auth=trust -U postgres -D data
rm -f data/postmaster.pid
exec postgres -D data -F -p PORT -h 127.0.0.1 -k /tmp -c ssl=on \
  -c ssl_cert_file=/mnt/server.pem -c ssl_key_file=/mnt/server.key`,
    ready: /ready to accept connections/,
  },
  redis: {
    command: `
exec redis-server --port PORT --tls-port SECURE_PORT --bind 127.0.0.1 --save "" \
  --tls-cert-file server.pem --tls-key-file server.key --tls-auth-clients no`,
    ready: /Ready to accept connections tls/,
  },
  /* Each statement of the files in which it is a line makes its system tables. */
  mariadb: {
    command: `
if ! test -e data; then
  mkdir data
  { echo "CREATE DATABASE mysql;"; echo "USE mysql;"
    for name in ${MARIADB_TABLES}; do
      cat /usr/share/mariadb/mariadb_$name.sql
    done
    echo "CREATE DATABASE test;"
  } | mariadbd --no-defaults --bootstrap --datadir=/mnt/data \
    --innodb-flush-log-at-trx-commit=0 --innodb-log-file-size=8M
fi
exec mariadbd --no-defaults --datadir=/mnt/data --port=PORT --skip-grant-tables \
  --skip-networking=0 --bind-address=127.0.0.1 --socket=/tmp/mysql.sock \
  --innodb-flush-log-at-trx-commit=0 --innodb-log-file-size=8M \
  --max-allowed-packet=256M --ssl-cert=/mnt/server.pem --ssl-key=/mnt/server.key`,
    ready: /ready for connections/,
  },
  rabbitmq: {
    command: `
cat > rabbitmq.conf <<END
listeners.tcp.default = 127.0.0.1:PORT
listeners.ssl.default = 127.0.0.1:SECURE_PORT
ssl_options.certfile = /mnt/server.pem
ssl_options.keyfile = /mnt/server.key
ssl_options.verify = verify_none
max_message_size = 268435456
END
export RABBITMQ_HOME=$(echo /usr/lib/rabbitmq/lib/rabbitmq_server-*)
export RABBITMQ_NODENAME=iocp-PORT@localhost RABBITMQ_LOGS=-
export RABBITMQ_CONFIG_FILE=/mnt/rabbitmq.conf RABBITMQ_PID_FILE=/tmp/pid
export RABBITMQ_MNESIA_BASE=/mnt/data RABBITMQ_CONF_ENV_FILE=/mnt/none
export RABBITMQ_ENABLED_PLUGINS_FILE=/mnt/none RABBITMQ_DIST_PORT=NODE_PORT
exec $RABBITMQ_HOME/sbin/rabbitmq-server`,
    ready: /Server startup complete/,
  },
} satisfies Record<string, Kind>;

/* A file of Linux as this program sees it. */
const seen = (path: string) =>
  isWindows ? `Z:${path.replaceAll("/", "\\")}` : path;

/* Ends the namespace of its processes with the first of them, which is gone when all
 * others are: PostgreSQL does not start while one of its processes is left. */
const KILL = `
outer=$(cat FOLDER/pid)
read -r first < /proc/$outer/task/$outer/children
kill -9 $outer
while read -r _ _ state _ < /proc/$first/stat && [ "$state" != Z ]; do
  sleep 0.01
done 2> /dev/null
echo > FOLDER/killed
`;

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/* Runs a script of the shell of Linux. Wine's program start.exe runs programs of the
 * system below, and does not wait for them. */
function runScript(path: string): void {
  const [file, ...args] = isWindows
    ? ["C:\\windows\\system32\\start.exe", "/unix", "/bin/sh", path]
    : ["/bin/sh", path];
  const child = spawn(file!, args, { stdio: "ignore", windowsHide: true });
  child.on("error", (error) => console.error(error));
  child.unref();
}

function freePorts(): [number, number, number] {
  const open = () => listen({ hostname: "127.0.0.1", port: 0 });
  using one = open();
  using other = open();
  using third = open();
  return [one.addr.port, other.addr.port, third.addr.port];
}

/** A server of one kind, which can be killed and started again. */
export class Server implements AsyncDisposable {
  /** Without TLS. Some servers have TLS on it too, after a request of the client. */
  readonly port: number;
  /** With TLS from the first byte on. */
  readonly securePort: number;
  /* RabbitMQ listens there for other nodes. */
  readonly #nodePort: number;
  readonly #kind: Kind;
  /* A path of Linux. */
  readonly #folder: string;

  constructor(kind: keyof typeof kinds) {
    this.#kind = kinds[kind];
    [this.port, this.securePort, this.#nodePort] = freePorts();
    /* The folder for temporary files of Windows is not one of Linux. */
    const made = mkdtempSync(seen("/tmp/iocp-test-"));
    this.#folder = made.replace(/^[A-Z]:/i, "").replaceAll("\\", "/");
    this.#write("server.pem", identity.cert);
    this.#write("server.key", identity.key);
    this.#write("start", this.#script());
    this.#write("kill", KILL.replaceAll("FOLDER", this.#folder));
  }

  #path(name: string): string {
    return seen(`${this.#folder}/${name}`);
  }

  #write(name: string, text: string): void {
    writeFileSync(this.#path(name), text);
  }

  #script(): string {
    /* Whole words, since a variable may have the name in its own. */
    const command = this.#kind.command
      .replaceAll(/\bNODE_PORT\b/g, String(this.#nodePort))
      .replaceAll(/\bSECURE_PORT\b/g, String(this.securePort))
      .replaceAll(/\bPORT\b/g, String(this.port));
    const [program, ...args] = insideDebian(this.#folder, PREPARE + command);
    return `cd ${this.#folder}
chmod 777 .
chown 65534:65534 server.key
chmod 600 server.key
echo $$ > pid
exec ${program} ${args.map(quoted).join(" ")} > log 2>&1 < /dev/null\n`;
  }

  #log(): string {
    return readFileSync(this.#path("log"), "utf8");
  }

  /** Starts it, and waits until it accepts connections. */
  async start(): Promise<void> {
    this.#write("log", "");
    runScript(`${this.#folder}/start`);
    try {
      await eventually("the start", () => this.#kind.ready.test(this.#log()));
    } catch (error) {
      throw new Error(`${(error as Error).message}:\n${this.#log()}`);
    }
  }

  /** Kills it, and waits until it is gone. */
  async kill(): Promise<void> {
    rmSync(this.#path("killed"), { force: true });
    runScript(`${this.#folder}/kill`);
    await eventually("its end", () => existsSync(this.#path("killed")));
    await eventually("a port that refuses", () => refuses(this.port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(seen(this.#folder), { recursive: true, force: true });
  }
}

/** Starts a server. */
export async function startServer(kind: keyof typeof kinds): Promise<Server> {
  const server = new Server(kind);
  await server.start();
  return server;
}
