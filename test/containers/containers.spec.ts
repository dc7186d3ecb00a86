/**
 * The containers as far as a machine without an engine can hold them: the files keep to the Compose Specification and to rules of ours,
 * and the scripts that the services run do what they say.
 */
import { execFileSync, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Ajv } from "ajv";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import manifest from "../../package.json" with { type: "json" };

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

type Service = {
  image: string;
  build?: string;
  restart: string;
  healthcheck?: unknown;
  environment?: Record<string, string>;
  ports?: string[];
  secrets?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  deploy: { resources: { limits: Record<string, unknown> } };
};
type Compose = { services: Record<string, Service>; secrets?: Record<string, { file: string }>; volumes: Record<string, null> };

const composeFiles = ["docker-compose.yml", "docker-compose.dev.yml"];
const compose = (path: string): Compose => parse(read(path), { merge: true }) as Compose;
const servicesOf = (path: string) => Object.entries(compose(path).services);

const settingsOfTroth = new Set(
  readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => read(join("src", name)).match(/\bTROTH_[A-Z_]+/g) ?? []),
);

const scratch = mkdtempSync(join(tmpdir(), "troth-containers-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(composeFiles)("%s", (path) => {
  const { services, secrets = {}, volumes } = compose(path);
  const settings = Object.values(services).flatMap(({ environment = {} }) => Object.entries(environment));

  it("keeps to the Compose Specification", () => {
    const validate = composeSpecification();
    expect(validate(parse(read(path), { merge: true })), JSON.stringify(validate.errors)).toBe(true);
  });

  it("watches the health of every service that stays, and waits for the end of every other", () => {
    const awaited = Object.values(services).flatMap(({ depends_on = {} }) =>
      Object.entries(depends_on).flatMap(([name, { condition }]) =>
        condition === "service_completed_successfully" ? [name] : [],
      ),
    );
    for (const [name, { restart, healthcheck }] of Object.entries(services)) {
      expect(["no", "unless-stopped"], name).toContain(restart);
      if (restart === "no") expect(awaited, name).toContain(name);
      else expect(healthcheck, name).toBeDefined();
    }
  });

  it("bounds what each service may use", () => {
    for (const [name, { deploy }] of Object.entries(services))
      expect(Object.keys(deploy.resources.limits), name).toEqual(["cpus", "memory", "pids"]);
  });

  it("holds no secret: each is a file", () => {
    for (const [name, value] of settings) {
      if (/PASSWORD|SECRET|TOKEN|URL|CREDENTIAL/.test(name))
        expect([name, value]).toEqual([expect.stringMatching(/_FILE$/), expect.stringMatching(/^\/run\/secrets\//)]);
      expect(value).not.toMatch(/:\/\/[^/]*@/);
    }
    for (const { file } of Object.values(secrets)) expect(file).toMatch(/^\.\/secrets\//);
  });

  it("pins every image", () => {
    for (const [name, { image, build }] of Object.entries(services)) {
      if (build === undefined) expect(image, name).toMatch(/:\d+\.\d+/);
      else expect(image, name).toBe(`troth:${manifest.version}`);
    }
  });

  it("opens no port but the proxy's to other machines", () => {
    for (const [name, { ports = [] }] of Object.entries(services))
      for (const port of ports) expect(port, name).toMatch(name === "proxy" ? /^0\.0\.0\.0:/ : /^127\.0\.0\.1:/);
  });

  it("names files, volumes and secrets that there are", () => {
    for (const [name, service] of Object.entries(services)) {
      for (const secret of service.secrets ?? []) expect(Object.keys(secrets), name).toContain(secret);
      for (const volume of service.volumes ?? []) {
        const [source = ""] = volume.split(":");
        if (source.startsWith("./")) expect(existsSync(join(root, source)), volume).toBe(true);
        else expect(Object.keys(volumes), name).toContain(source);
      }
    }
  });

  it("names settings that Troth reads", () => {
    const named = settings.map(([name]) => name.replace(/_FILE$/, "")).filter((name) => name.startsWith("TROTH_"));
    expect(named.filter((name) => !settingsOfTroth.has(name))).toEqual([]);
  });
});

describe("the cluster of docker-compose.yml", () => {
  it("gives the key of the authority to nobody but the service that signs with it", () => {
    const holders = servicesOf("docker-compose.yml").filter(([, { volumes = [] }]) =>
      volumes.some((volume) => volume.startsWith("authority:")),
    );
    expect(holders.map(([name]) => name)).toEqual(["certificates"]);
  });

  it("is given its secrets by the script that makes them, once, for the eyes of its owner", () => {
    const folder = join(scratch, "secrets");
    const make = () => execFileSync("sh", [join(root, "deploy/make-secrets.sh"), folder], { stdio: "pipe" });
    make();
    expect(readdirSync(folder)).toEqual(Object.keys(compose("docker-compose.yml").secrets!).sort());
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const password = readFileSync(join(folder, "kurrentdb_troth_password"), "utf8");
    const url = new URL(readFileSync(join(folder, "kurrentdb_url"), "utf8").replace(/,[^?]*/, ""));
    expect([url.password, url.searchParams.get("tls")]).toEqual([password, "true"]);
    expect(make).toThrow(/nothing was made/);
  });

  it("has a certificate for each service, in its name, signed by its own authority", () => {
    const [authority, certificates] = [join(scratch, "authority"), join(scratch, "certificates")];
    const user = String(process.getuid!());
    const env = { ...process.env, KURRENTDB_UID: user, POSTGRES_UID: user, PROXY_UID: user };
    execFileSync(
      "sh",
      ["-c", `mkdir "$1" "$2" && sh "$0" "$1" "$2"`, join(root, "deploy/certificates.sh"), authority, certificates],
      { env },
    );
    const certificateOf = (path: string) => new X509Certificate(readFileSync(join(certificates, path)));
    const ca = certificateOf("ca/ca.crt");
    for (const name of ["kurrentdb-1", "kurrentdb-2", "kurrentdb-3", "vault", "proxy"]) {
      const certificate = certificateOf(`${name}/node.crt`);
      expect([certificate.checkIssued(ca), certificate.verify(ca.publicKey), certificate.checkHost(name)], name).toEqual([
        true,
        true,
        name,
      ]);
      expect(statSync(join(certificates, name, "node.key")).mode & 0o777).toBe(0o600);
    }
    expect(existsSync(join(certificates, "ca/ca.key"))).toBe(false);
  });
});

describe("the image of Troth", () => {
  const lines = read("Dockerfile").split("\n");
  const lineOf = (pattern: RegExp) => lines.findIndex((line) => pattern.test(line));

  it("runs as nobody in particular, on a Node that is pinned", () => {
    expect(lineOf(/^USER node$/)).toBeGreaterThan(lineOf(/^RUN install -d -o node/));
    expect(lineOf(/^USER node$/)).toBeLessThan(lineOf(/^ENTRYPOINT/));
    for (const line of lines.filter((text) => text.startsWith("FROM"))) expect(line).toMatch(/^FROM node:26\.\d+\.\d+-/);
  });

  it("has the packages that are not for development, the native part of the cluster's client among them", () => {
    expect(read("Dockerfile")).toMatch(/npm ci --omit=dev (?!.*--omit=optional)/);
  });

  it("is built from nothing that is left out of its context", () => {
    const isLetIn = (path: string) => read(".dockerignore").split("\n").includes(`!${path}`);
    const sources = lines.filter((line) => /^COPY (?!--from)/.test(line)).flatMap((line) => line.split(" ").slice(1, -1));
    for (const source of sources) expect(isLetIn(source) || existsSync(join(root, source, "health.ts")), source).toBe(true);
    expect(["deploy/health.ts", "deploy/set-up-node.sh"].every(isLetIn)).toBe(true);
  });

  it.each([
    [200, 0],
    [503, 1],
  ])("calls a server that answers %i to /readyz healthy: exit code %i", async (status, exitCode) => {
    const server = createServer((request, response) => response.writeHead(request.url === "/readyz" ? status : 500).end());
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    expect(await healthAt((server.address() as AddressInfo).port)).toBe(exitCode);
    server.closeAllConnections();
    server.close();
  });
});

function healthAt(port: number): Promise<number | null> {
  const child = spawn(process.execPath, [join(root, "deploy/health.ts")], { env: { ...process.env, TROTH_PORT: String(port) } });
  return new Promise((exited) => child.on("exit", exited));
}

/** The specification as the library that starts containers for tests ships it; its own dialect is a draft that Ajv knows by another name. */
function composeSpecification() {
  const entry = createRequire(import.meta.url).resolve("docker-compose");
  const { $schema: _, ...schema } = JSON.parse(
    readFileSync(join(dirname(entry), "../schema/compose-spec.json"), "utf8"),
  ) as object & { $schema: string };
  return new Ajv({ strict: false, validateFormats: false }).compile(schema);
}
