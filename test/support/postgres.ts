/**
 * A PostgreSQL for one spec file: the one that POSTGRES_URL names, else a server of its own in a scratch folder, made from the
 * binaries that Debian's package `postgresql` installs. Nothing of the machine's own databases is touched.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

export type TestPostgres = {
  url: string;
  /** The name of a schema that nobody else uses. */
  freshSchema(): string;
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Where it listens, for a proxy before it. */
  address: { path: string } | { host: string; port: number };
  /** Its connection string through a proxy on this machine. */
  urlThrough(proxyPort: number): string;
  stop(): Promise<void>;
};

const startTimeoutMs = 60_000;

/** Why there is none, to be printed beside the skip; undefined where there is one. */
export const noPostgres: string | undefined =
  process.env["POSTGRES_URL"] !== undefined || binaries() !== undefined
    ? undefined
    : "no PostgreSQL: install Debian's postgresql, or set POSTGRES_URL";

function binaries(): string | undefined {
  const versions = "/usr/lib/postgresql";
  if (!existsSync(versions)) return undefined;
  return readdirSync(versions)
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => join(versions, version, "bin"))
    .find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

export async function startPostgres(): Promise<TestPostgres> {
  const named = process.env["POSTGRES_URL"];
  if (named !== undefined) return over(named, addressIn(named), async () => undefined);
  const folder = mkdtempSync(join(tmpdir(), "troth-pg-"));
  const user = unprivileged();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const bin = binaries()!;
  const data = join(folder, "data");
  const made = spawnSync(join(bin, "initdb"), ["-D", data, "-U", "troth", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"], {
    ...user,
    cwd: folder,
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = 40_000 + (process.pid % 20_000);
  const settings = { listen_addresses: "", unix_socket_directories: folder, port, shared_buffers: "16MB", autovacuum: "off" };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = spawn(join(bin, "postgres"), ["-D", data, ...flags], {
    ...user,
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const killed = (): void => void server.kill("SIGQUIT");
  process.once("exit", killed);
  const url = `postgres://troth@/postgres?host=${encodeURIComponent(folder)}&port=${port}`;
  await listening(server, url);
  return over(url, { path: join(folder, `.s.PGSQL.${port}`) }, async () => {
    process.off("exit", killed);
    const ended = new Promise((resolve) => server.once("close", resolve));
    server.kill("SIGINT");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody")!;
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

async function listening(server: ChildProcess, url: string): Promise<void> {
  let said = "";
  server.stderr!.on("data", (chunk: Buffer) => (said += chunk.toString()));
  for (const until = Date.now() + startTimeoutMs; ;) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (server.exitCode !== null || Date.now() > until) throw new Error(`PostgreSQL did not start: ${said}`, { cause: error });
      await delay(50);
    }
  }
}

function addressIn(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: port === "" ? 5432 : Number(port) };
}

function over(url: string, address: TestPostgres["address"], stopServer: () => Promise<void>): TestPostgres {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on("error", () => undefined);
  const schemas: string[] = [];
  const query = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
    (await pool.query<Record<string, unknown>>(text, values)).rows;
  return {
    url,
    address,
    urlThrough(proxyPort) {
      if ("path" in address) return `postgres://troth@127.0.0.1:${proxyPort}/postgres`;
      const through = new URL(url);
      through.host = `127.0.0.1:${proxyPort}`;
      return through.href;
    },
    query,
    freshSchema() {
      const schema = `test_${randomUUID().replaceAll("-", "")}`;
      schemas.push(schema);
      return schema;
    },
    async stop() {
      // A server of somebody else's keeps nothing of ours.
      if (!("path" in address)) for (const schema of schemas) await query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await pool.end();
      await stopServer();
    },
  };
}
