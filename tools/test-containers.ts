/**
 * The suites of the second engine, on servers that this starts in containers: `npm run test:containers`. Where there is no container
 * engine it says so and ends with 0. The images are those of docker-compose.dev.yml.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { KurrentDbContainer } from "@testcontainers/kurrentdb";
import { GenericContainer, getContainerRuntimeClient, Wait } from "testcontainers";
import { parse } from "yaml";

const root = resolve(import.meta.dirname, "..");

async function engineTrouble(): Promise<string | undefined> {
  try {
    await getContainerRuntimeClient();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function images(): { kurrentdb: string; vault: string } {
  const { services } = parse(readFileSync(join(root, "docker-compose.dev.yml"), "utf8")) as {
    services: Record<string, { image: string }>;
  };
  return { kurrentdb: services["kurrentdb"]!.image, vault: services["vault"]!.image };
}

function suites(env: Record<string, string>): Promise<number> {
  const child = spawn("npm", ["run", "test:kurrentdb"], { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  return new Promise((exited, failed) => child.on("error", failed).on("exit", (code) => exited(code ?? 1)));
}

const trouble = await engineTrouble();
if (trouble !== undefined) {
  process.stdout.write(`skipped: the suites in containers need a container engine (${trouble})\n`);
} else {
  const { kurrentdb, vault } = images();
  const postgresPort = 5432;
  const [cluster, database] = await Promise.all([
    new KurrentDbContainer(kurrentdb).start(),
    new GenericContainer(vault)
      .withEnvironment({ POSTGRES_HOST_AUTH_METHOD: "trust" })
      .withExposedPorts(postgresPort)
      .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
      .start(),
  ]);
  try {
    process.exitCode = await suites({
      KURRENTDB_URL: cluster.getConnectionString(),
      POSTGRES_URL: `postgresql://postgres@${database.getHost()}:${database.getMappedPort(postgresPort)}/postgres`,
    });
  } finally {
    await Promise.all([cluster.stop(), database.stop()]);
  }
}
