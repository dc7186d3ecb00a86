import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type PostgresVault, type PostgresVaultOptions, openPostgresVault } from "../../../src/vault/postgres.ts";
import { Database } from "../../../src/vault/postgres/database.ts";
import { newKey } from "../../../src/vault/sealing.ts";
import { SubjectErasedError, VaultUnavailableError } from "../../../src/vault/vault.ts";
import { vaultContract } from "../../contract/vault.contract.ts";
import { noPostgres, startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { type Proxy, proxyTo } from "../../support/proxy.ts";
import { anna, ben, event, evening, firstVisit, noon, note, person, read, reader, sealOne, secondVisit } from "../examples.ts";

if (noPostgres !== undefined) console.warn(`skipped: the vault on PostgreSQL (${noPostgres})`);

describe.skipIf(noPostgres !== undefined)("on PostgreSQL", () => {
  const keyEncryptionKey = newKey();
  let postgres: TestPostgres;
  /** Two vaults whose tables are made once and emptied for each test, since making them costs more than most tests. */
  let schemas: string[];
  let turn = 0;
  beforeAll(async () => {
    postgres = await startPostgres();
    schemas = [postgres.freshSchema(), postgres.freshSchema()];
    for (const schema of schemas) await (await openNode({ schema })).close();
  });
  afterAll(() => postgres.stop());

  async function emptyVault(): Promise<string> {
    const schema = schemas[turn++ % 2]!;
    for (const table of ["subjects", "access_log", "leases"]) await postgres.query(`DELETE FROM ${schema}.${table}`);
    await postgres.query(`UPDATE ${schema}.counts SET value = 0`);
    return schema;
  }

  const openNode = (options: Partial<PostgresVaultOptions> & { schema: string }): Promise<PostgresVault> =>
    openPostgresVault({ connectionString: postgres.url, keyEncryptionKey, create: true, ...options });

  vaultContract("a node alone", async () => openNode({ schema: await emptyVault() }), 8);

  let schema: string;
  const opened: (() => unknown)[] = [];
  beforeEach(async () => void (schema = await emptyVault()));
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });
  async function node(options: Partial<PostgresVaultOptions> = {}): Promise<PostgresVault> {
    const vault = await openNode({ schema, ...options });
    opened.push(() => vault.close());
    return vault;
  }
  async function proxy(): Promise<Proxy> {
    const made = await proxyTo(postgres.address);
    opened.push(() => made.close());
    return made;
  }
  const stored = (text: string) => postgres.query(text.replaceAll("vault.", `${schema}.`));
  const linesStored = async () =>
    (await stored("SELECT line FROM vault.access_log ORDER BY line")).map(({ line }) => Number(line));
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await holds())) await delay(10);
  };

  describe("the tables of a vault", () => {
    it("are made once, by whichever of the nodes that start at once", async () => {
      schema = postgres.freshSchema();
      const nodes = await Promise.all([node(), node(), node()]);
      expect(new Set(nodes.map((vault) => vault.fingerprint("crm:4711"))).size).toBe(1);
    });

    it("are made where that was asked for alone", async () => {
      schema = postgres.freshSchema();
      await expect(node({ create: false })).rejects.toThrow(`the database has no vault in its schema ${schema}`);
      expect(await postgres.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).toEqual([]);
    });

    it("are not opened with another key-encryption key, or by an earlier release", async () => {
      await expect(node({ keyEncryptionKey: newKey() })).rejects.toThrow("the key-encryption key does not open the vault");
      await stored("UPDATE vault.schema_version SET version = 2");
      await expect(node()).rejects.toThrow("the vault has tables of version 2; this program reads version 1");
      await stored("UPDATE vault.schema_version SET version = 1");
    });

    it("show neither a text nor a key", async () => {
      const text = "Anna's daughter plays the bassoon";
      const vault = await node();
      await read(vault, await sealOne(vault, firstVisit, anna, text));
      const tables = ["id_key", "subjects", "access_log", "leases", "counts"];
      const rows = await Promise.all(tables.map((table) => stored(`SELECT t::text AS row FROM vault.${table} AS t`)));
      const bytes = JSON.stringify(rows);
      expect(bytes).toContain(anna);
      for (const secret of ["bassoon", keyEncryptionKey.export().toString("hex")]) expect(bytes).not.toContain(secret);
    });

    it("hold no key of an erased subject, and the instant of the first erasure", async () => {
      const vault = await node();
      await sealOne(vault, firstVisit, anna, "text");
      await vault.erase(anna, noon);
      await vault.erase(anna, evening);
      expect(await stored("SELECT * FROM vault.subjects")).toEqual([
        { subject: anna, version: null, wrapped: null, erased_at: noon, erasure: "1" },
      ]);
    });
  });

  describe("two nodes", () => {
    /** Longer than any wait here: what is heard of in this time was not waited out. */
    const leaseMs = 15_000;
    it("mint one key for a subject that both seal for at once", async () => {
      const nodes = [await node({ leaseMs }), await node({ leaseMs })] as const;
      const subjects = upTo(40).map(person);
      const sealed = await Promise.all(
        nodes.map((vault, which) =>
          Promise.all(subjects.map((subject, index) => sealOne(vault, event(which * 100 + index), subject, `${which} ${index}`))),
        ),
      );
      expect((await stored("SELECT 1 FROM vault.subjects")).length).toBe(40);
      const texts = (await nodes[0].open(sealed.flat(), reader)).flat().map((one) => one.status === "opened" && one.value);
      expect(texts).toEqual([0, 1].flatMap((which) => subjects.map((_, index) => `${which} ${index}`)));
    });

    it("number the lines of one access log without gaps, whatever fails on the way", async () => {
      const nodes = [await node({ leaseMs }), await node({ leaseMs })] as const;
      const request = await sealOne(nodes[0], firstVisit, anna, "likes chess");
      const openings = () => nodes.flatMap((vault) => upTo(20).map(() => read(vault, request)));
      await Promise.all(openings());
      await stored("ALTER TABLE vault.access_log ADD CONSTRAINT full_disk CHECK (line < 50)");
      const amid = (await Promise.all(openings())).flat();
      await stored("ALTER TABLE vault.access_log DROP CONSTRAINT full_disk");
      await Promise.all(openings());
      const lines = await linesStored();
      expect(lines).toEqual(upTo(lines.length));
      // What has no line was not given out.
      expect(amid).toContain("(unavailable)");
      expect(lines.length).toBe(80 + amid.filter((text) => text === "likes chess").length);
    });

    it("both give an erased subject's text no longer once either has erased it", async () => {
      const [here, there] = [await node({ leaseMs }), await node({ leaseMs })];
      const request = await sealOne(there, firstVisit, anna, "likes chess");
      const before = performance.now();
      await here.erase(anna, noon);
      expect(performance.now() - before).toBeLessThan(leaseMs);
      await expect(sealOne(there, secondVisit, anna, "text")).rejects.toThrow(SubjectErasedError);
      expect(await read(there, request)).toEqual(["(erased)"]);
      expect(there.tombstones()).toEqual([{ subject: anna, at: noon }]);
    });

    it("erase at once where the other has ended", async () => {
      const [here, there] = [await node({ leaseMs }), await node({ leaseMs })];
      await there.close();
      expect(await stored("SELECT 1 FROM vault.leases")).toHaveLength(1);
      await here.erase(anna, noon);
    });

    it("hear of erasures too that are numbered anew since the database was set back", async () => {
      const [here, there] = [await node({ leaseMs }), await node({ leaseMs })];
      await sealOne(there, firstVisit, anna, "likes chess");
      await here.erase(ben, noon);
      await stored("DELETE FROM vault.subjects WHERE erasure IS NOT NULL");
      await stored("UPDATE vault.counts SET value = 0");
      await stored("UPDATE vault.leases SET beat = 0, seen = 0");
      await here.erase(anna, noon);
      await expect(sealOne(there, secondVisit, anna, "text")).rejects.toThrow(SubjectErasedError);
    });
  });

  describe("a node that is out of touch", () => {
    /** As short as a busy machine keeps up with. */
    const leaseMs = 2_000;
    let line: Proxy;
    let vault: PostgresVault;
    beforeEach(async () => {
      line = await proxy();
      vault = await node({ connectionString: postgres.urlThrough(line.port), leaseMs, timeoutMs: 1_000 });
    });

    it("opens nothing, seals under what it knows while its lease lasts, then nothing, until it is back", async () => {
      const request = await sealOne(vault, firstVisit, anna, "likes chess");
      line.cut();
      expect(await read(vault, request)).toEqual(["(unavailable)"]);
      await expect(vault.open([request], reader, { orFail: true })).rejects.toThrow(VaultUnavailableError);
      await sealOne(vault, secondVisit, anna, "still known");
      await until(() => !vault.lease().holds);
      expect(vault.lease().failure).toMatch(/the vault is unavailable/);
      expect(await read(vault, request)).toEqual(["(unavailable)"]);
      await expect(sealOne(vault, secondVisit, anna, "text")).rejects.toThrow(VaultUnavailableError);
      await expect(vault.accessLog({ limit: 1 })).rejects.toThrow(VaultUnavailableError);
      line.mend();
      await until(() => vault.lease().holds);
      expect(await read(vault, request)).toEqual(["likes chess"]);
      expect(vault.lease()).toEqual({ holds: true });
    });

    it("keeps an erasure waiting for its lease, and no longer", async () => {
      const request = await sealOne(vault, firstVisit, anna, "likes chess");
      const other = await node();
      line.freeze();
      const before = performance.now();
      let isErased = false;
      const erasing = other.erase(anna, noon).then(() => void (isErased = true));
      // Whoever reads is not kept waiting by a server that says nothing.
      expect(await read(vault, request)).toEqual(["(unavailable)"]);
      await until(() => !vault.lease().holds);
      expect(isErased).toBe(false);
      await erasing;
      expect(performance.now() - before).toBeGreaterThanOrEqual(leaseMs);
      line.thaw();
      await until(() => vault.lease().holds);
      await expect(sealOne(vault, secondVisit, anna, "text")).rejects.toThrow(SubjectErasedError);
      expect(await read(vault, request)).toEqual(["(erased)"]);
      // It is not taken for dead.
      await other.erase(ben, noon);
      expect(vault.tombstones()).toHaveLength(2);
    });

    it("opens nothing with keys that arrive after its lease", async () => {
      const request = await sealOne(vault, firstVisit, anna, "likes chess");
      const patient = await node({ connectionString: postgres.urlThrough(line.port), leaseMs, timeoutMs: 60_000 });
      line.freezeAt("INSERT INTO access_log");
      const opening = read(patient, request);
      await until(() => !patient.lease().holds);
      line.thaw();
      expect(await opening).toEqual(["(unavailable)"]);
    });

    it("does not know what became of what it asked, and asks again", async () => {
      line.loseAnswerTo("INSERT INTO subjects");
      const request = await sealOne(vault, firstVisit, anna, "likes chess");
      expect(await read(vault, request)).toEqual(["likes chess"]);
      line.loseAnswerTo("INSERT INTO access_log");
      expect(await read(vault, request)).toEqual(["(unavailable)"]);
      expect(await linesStored()).toEqual([1, 2]);
      line.loseAnswerTo("UPDATE counts");
      await vault.erase(anna, noon);
      expect(await stored("SELECT subject, wrapped, erased_at FROM vault.subjects")).toEqual([
        { subject: anna, wrapped: null, erased_at: noon },
      ]);
    });

    it("makes new connections for those that the server ended", async () => {
      const request = await sealOne(vault, firstVisit, anna, "likes chess");
      await postgres.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'troth'");
      expect(await read(vault, await sealOne(vault, secondVisit, ben, "does not"))).toEqual(["does not"]);
      expect(await read(vault, request)).toEqual(["likes chess"]);
    });
  });

  describe("a node in a process of its own", () => {
    let child: ChildProcess;
    let said: AsyncIterator<string>;
    const hear = async (): Promise<unknown> => JSON.parse((await said.next()).value as string) as unknown;
    const tell = (request: unknown): void => void child.stdin!.write(`${JSON.stringify(request)}\n`);
    async function start(leaseMs: number): Promise<void> {
      const options = { connectionString: postgres.url, schema, leaseMs, key: keyEncryptionKey.export().toString("hex") };
      child = spawn(process.execPath, [join(import.meta.dirname, "node-process.ts"), JSON.stringify(options)], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      opened.push(() => child.kill("SIGKILL"));
      said = createInterface(child.stdout!)[Symbol.asyncIterator]();
      expect(await hear()).toBe("ready");
    }

    it("opens and seals nothing more for a subject that was erased while it was stopped", async () => {
      const leaseMs = 2_000;
      await start(leaseMs);
      const vault = await node();
      const request = await sealOne(vault, firstVisit, anna, "likes chess");
      tell(request);
      tell("seal");
      expect([await hear(), await hear()]).toEqual([["likes chess"], "sealed"]);
      child.kill("SIGSTOP");
      tell(request);
      tell("seal");
      const before = performance.now();
      await vault.erase(anna, noon);
      expect(performance.now() - before).toBeGreaterThanOrEqual(leaseMs);
      child.kill("SIGCONT");
      expect(["(unavailable)", "(erased)"]).toContain(((await hear()) as string[])[0]);
      expect(["VaultUnavailableError", "SubjectErasedError"]).toContain(await hear());
    });

    it("is waited for once after it was killed, and forgotten", async () => {
      const leaseMs = 1_000;
      await start(leaseMs);
      const vault = await node({ leaseMs: 15_000 });
      child.kill("SIGKILL");
      await once(child, "exit");
      await vault.erase(anna, noon);
      await until(async () => (await stored("SELECT 1 FROM vault.leases")).length === 1);
      const before = performance.now();
      await vault.erase(ben, noon);
      expect(performance.now() - before).toBeLessThan(leaseMs);
    });
  });

  describe("what goes wrong with the database", () => {
    const secret = "correct-horse-battery";

    it("is told without the password", async () => {
      const line = await proxy();
      line.cut();
      const wrong = [
        `postgres://troth:${secret}@127.0.0.1:${line.port}/postgres`,
        `postgres://troth:${secret}@127.0.0.1:port/postgres`,
        `postgres://troth:${secret}@127.0.0.1/postgres?sslmode=verify-full&sslrootcert=/nowhere/ca.crt`,
        `mysql://troth:${secret}@127.0.0.1/postgres`,
        `${postgres.urlThrough(1).replace("troth", `troth:${secret}`).replace(":1/", `:${line.port}/`)}?sslmode=disable`,
      ];
      for (const connectionString of wrong) {
        const error: unknown = await node({ connectionString, timeoutMs: 500 }).catch((failure: unknown) => failure);
        expect(error).toBeInstanceOf(Error);
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
      }
    });

    it("is told without what stands in its rows", async () => {
      const vault = await node();
      await stored("ALTER TABLE vault.subjects ADD CONSTRAINT never CHECK (wrapped IS NULL)");
      const error: unknown = await sealOne(vault, firstVisit, anna, "text").catch((failure: unknown) => failure);
      await stored("ALTER TABLE vault.subjects DROP CONSTRAINT never");
      expect(error).toBeInstanceOf(VaultUnavailableError);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/Failing row|\\x/);
    });

    it("is no reason to acknowledge what is not on disk", async () => {
      const careless = `${postgres.url}${postgres.url.includes("?") ? "&" : "?"}options=${encodeURIComponent("-c synchronous_commit=off")}`;
      const database = new Database({ connectionString: careless, schema, connectionsMax: 1, timeoutMs: 5_000 });
      opened.push(() => database.close());
      expect(await database.once("SHOW synchronous_commit")).toEqual([{ synchronous_commit: "on" }]);
    });
  });

  it("mints no key for the others when one subject of an event was erased", async () => {
    const vault = await node();
    await vault.erase(anna, noon);
    const refused = vault.seal({ event: firstVisit, fields: [note(ben, "new"), note(anna, "gone")] });
    await expect(refused).rejects.toThrow(SubjectErasedError);
    expect(await stored("SELECT subject FROM vault.subjects")).toEqual([{ subject: anna }]);
  });
});
