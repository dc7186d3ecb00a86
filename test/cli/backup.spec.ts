/** `troth backup` and `troth restore`: real files, a real server at work meanwhile. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import {
  account,
  anna,
  ben,
  eventsIn,
  filesOf,
  keysOf,
  ledgerWithText,
  tracesOf,
  visit,
} from "../erasure/support/ledger-with-text.ts";
import { found } from "../support/bytes.ts";
import { patiently, runningServer, type RunningServer } from "../support/server.ts";
import { removedAtEnd, scratchFolder, troth, trothProcess } from "./support/troth.ts";

const later = removedAtEnd();
let made: string;
let secret: string;
beforeAll(async () => {
  made = join(scratchFolder(later), "data");
  secret = await ledgerWithText(made, 30);
});

function aCopy(): string {
  const data = join(scratchFolder(), "data");
  cpSync(made, data, { recursive: true });
  cpSync(keysOf(made), keysOf(data), { recursive: true });
  return data;
}

async function backedUp(data: string, ...flags: string[]): Promise<string> {
  const target = join(scratchFolder(), "backup");
  const { code, err } = await troth(["backup", target, "--data", data, ...flags]);
  expect(code, err).toBe(0);
  return target;
}

const leavesIn = (folder: string): string[] => {
  const log = openSqliteLog(join(folder, "ledger.db"));
  const leaves = log.readAll(0, 1_000_000).map(({ leaf }) => Buffer.from(leaf).toString());
  log.close();
  return leaves;
};

const asking = (server: RunningServer) => ({
  get: (path: string, accept = "application/json") =>
    patiently(`${server.url}/v1/${path}`, { headers: { authorization: `Bearer ${secret}`, accept } }),
  post: (path: string, body: object) =>
    patiently(`${server.url}/v1/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
});

async function signedUpTo(server: RunningServer): Promise<number> {
  const { get, post } = asking(server);
  const { events } = (await (await post("accounts", {})).json()) as { events: { id: string; position: number }[] };
  expect((await get(`events/${events[0]!.id}/receipt`)).status).toBe(200);
  return events[0]!.position;
}

describe("a backup made while the server is at work", { timeout: 180_000 }, () => {
  it("is a prefix of the log, whole and signed, and restored it has every event up to its head", async () => {
    const data = aCopy();
    const target = join(scratchFolder(), "backup");
    let server = await runningServer(data, secret);
    const { post } = asking(server);
    await signedUpTo(server);
    let isOver = false;
    const acknowledged = new Map<string, number>();
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let turn = 0; !isOver; turn += 1) {
        const answer = await post("interactions", visit(1_000 + writer * 10_000 + turn));
        const { events } = (await answer.json()) as { events: { id: string; position: number }[] };
        for (const { id, position } of events) acknowledged.set(id, position);
      }
    });
    while (acknowledged.size < 50) await delay(10);
    const ran = await trothProcess(["backup", target, "--data", data, "--json"]);
    const during = acknowledged.size;
    isOver = true;
    await Promise.all(writers);
    expect(ran.code, ran.err).toBe(0);
    const manifest = JSON.parse(ran.out) as { head: number; treeHead: string; files: { name: string }[] };
    expect(await server.stop()).toBe(0);
    const backup = leavesIn(target);
    expect(backup).toEqual(leavesIn(data).slice(0, manifest.head));
    expect(backup.length).toBe(manifest.head);
    expect(manifest.head).toBeGreaterThan(50);
    expect(during).toBeGreaterThan(50);
    expect(manifest.files.map(({ name }) => name)).toEqual(["ledger.db", "vault.db"]);
    expect(readdirSync(target).toSorted()).toEqual(["ledger.db", "manifest.json", "vault.db"]);

    // To the place of the old one, whose disk is lost; its keys are not.
    rmSync(data, { recursive: true });
    const restored = await trothProcess(["restore", target, "--data", data, "--json"]);
    expect(restored.code, restored.err).toBe(0);
    expect(JSON.parse(restored.out)).toMatchObject({ head: manifest.head, erased: [], keysRestored: false });
    const before = [...acknowledged].filter(([, position]) => position <= manifest.head);
    const positions = new Map(eventsIn(data).map(({ id, position }) => [id as string, position]));
    expect(before.length).toBeGreaterThan(0);
    expect(before.filter(([id, position]) => positions.get(id) !== position)).toEqual([]);
    const check = await troth(["check", "--data", data]);
    expect(check.code, check.out).toBe(0);
    server = await runningServer(data, secret);
    const opened = (await (await asking(server).get(`people/${anna}`)).json()) as { personal: { name: object } };
    expect(opened.personal.name).toEqual({ status: "opened", value: "Anna Amsel" });
    expect((await asking(server).post("interactions", visit(1))).status, "known from before").toBe(200);
    await server.stop();
  });

  it("is for its owner alone, refuses any folder that holds something, and leaves nothing where it fails", async () => {
    const target = await backedUp(made);
    for (const name of readdirSync(target)) expect((statSync(join(target, name)).mode & 0o777).toString(8), name).toBe("600");
    const again = await troth(["backup", target, "--data", made]);
    expect([again.code, again.err]).toEqual([2, expect.stringContaining("is not empty; nothing is overwritten")]);
    const inside = await troth(["backup", join(made, "backup"), "--data", made]);
    expect([inside.code, inside.err]).toEqual([2, expect.stringContaining("lies in the data folder itself")]);
    expect((await troth(["backup", join(scratchFolder(), "b"), "--data", scratchFolder()])).code).toBe(4);
  });

  it.each([
    ["a leaf that disagrees with its place", '"stream":"person-', '"stream":"parson-', "is damaged, as the ledger is"],
    ["a fact other than the one that was signed", '"kind":"visit"', '"kind":"visot"', "is not the log of which"],
  ])("is not made of a ledger with %s, and nothing is left of it", async (_, was, is, complaint) => {
    const data = aCopy();
    const server = await runningServer(data, secret);
    await signedUpTo(server);
    await server.stop();
    const ledger = readFileSync(join(data, "ledger.db"));
    ledger.write(is, ledger.indexOf(was));
    writeFileSync(join(data, "ledger.db"), ledger);
    const target = join(scratchFolder(), "backup");
    const { code, err } = await troth(["backup", target, "--data", data]);
    expect([code, err, existsSync(target)]).toEqual([5, expect.stringContaining(complaint), false]);
  });
});

describe("a restored backup that is older than what was signed", { timeout: 180_000 }, () => {
  it("says so, records on and signs nothing until the break is declared", async () => {
    const data = aCopy();
    let server = await runningServer(data, secret);
    await signedUpTo(server);
    const backup = await backedUp(data);
    const lost = await signedUpTo(server);
    await server.stop();
    rmSync(data, { recursive: true });
    const told = await troth(["restore", backup, "--data", data]);
    expect(told.code, told.err).toBe(0);
    expect(told.out).toContain(`the head of ${lost} events`);
    const declaration = /\/v1\/audit\/resume {2}(\{.*\})/.exec(told.out)![1]!;
    server = await runningServer(data, secret);
    const { get, post } = asking(server);
    try {
      const codeOf = async () => ((await (await get("audit/checkpoint")).json()) as { code: string }).code;
      await expect.poll(codeOf, { timeout: 20_000 }).toBe("log-diverged");
      expect((await post("accounts", {})).status).toBe(201);
      const declared = await post("audit/resume", JSON.parse(declaration) as object);
      expect(declared.status, await declared.text()).toBe(200);
      await expect.poll(async () => (await get("audit/checkpoint")).status, { timeout: 20_000 }).toBe(200);
    } finally {
      await server.stop();
    }
  });
});

describe("who was erased after the backup", { timeout: 180_000 }, () => {
  const expectErased = async (data: string, traces: ReturnType<typeof tracesOf>) => {
    expect(found(filesOf(data), traces), "before any start").toEqual([]);
    expect(eventsIn(data).filter(({ type }) => type === "SubjectErased")).toMatchObject([{ data: { subject: anna } }]);
    const server = await runningServer(data, secret);
    const { personal } = (await (await asking(server).get(`people/${anna}`)).json()) as { personal: object };
    const other = (await (await asking(server).get(`people/${ben}`)).json()) as { personal: object };
    expect(await server.stop()).toBe(0);
    expect(personal).toMatchObject({ name: { status: "erased" } });
    expect(other.personal).toMatchObject({ name: { status: "opened" } });
  };

  it("is erased again when it is restored, though neither its log nor its vault knows of it", async () => {
    const data = aCopy();
    const traces = tracesOf(data, anna);
    const backup = await backedUp(data);
    const erasedAt = await erased(data);
    rmSync(data, { recursive: true });
    const { code, out, err } = await troth(["restore", backup, "--data", data]);
    expect(code, err).toBe(0);
    expect(out).toContain(`Erased again: ${anna}`);
    await expectErased(data, traces);
    expect(eventsIn(data).find(({ type }) => type === "SubjectErased")).toMatchObject({
      occurredAt: erasedAt,
      actor: { kind: "system", id: "tombstone" },
    });
  });

  it("is erased again at the start where older files were put back by hand", async () => {
    const data = aCopy();
    const traces = tracesOf(data, anna);
    const older = scratchFolder();
    cpSync(data, older, { recursive: true });
    await erased(data);
    for (const file of readdirSync(data)) rmSync(join(data, file));
    cpSync(older, data, { recursive: true });
    expect(found([data], traces).length).toBeGreaterThan(10);
    const server = await runningServer(data, secret);
    expect(found(filesOf(data), traces), "while it serves").toEqual([]);
    await server.stop();
    await expectErased(data, traces);
  });

  it("is given no key again by a vault that alone was put back", async () => {
    const data = aCopy();
    const traces = tracesOf(data, anna);
    const older = join(scratchFolder(), "vault.db");
    copyFileSync(join(data, "vault.db"), older);
    await erased(data);
    copyFileSync(older, join(data, "vault.db"));
    const server = await runningServer(data, secret);
    const refused = await asking(server).post("interactions", visit(5_000));
    expect(refused.status).toBe(409);
    await server.stop();
    await expectErased(data, traces);
  });

  it("is known from the keys in the backup too, where those in the folder are older", async () => {
    const data = aCopy();
    const traces = tracesOf(data, anna);
    const older = await backedUp(data);
    const keys = scratchFolder();
    cpSync(keysOf(data), keys, { recursive: true });
    await erased(data);
    const newer = await backedUp(data, "--with-keys");
    rmSync(data, { recursive: true });
    // An older data backup, with the newer copy of the keys beside it.
    cpSync(join(newer, "keys"), join(older, "keys"), { recursive: true });
    const manifest = JSON.parse(readFileSync(join(older, "manifest.json"), "utf8")) as { files: object[] };
    const { files } = JSON.parse(readFileSync(join(newer, "manifest.json"), "utf8")) as { files: { name: string }[] };
    manifest.files.push(...files.filter(({ name }) => name.startsWith("keys/")));
    writeFileSync(join(older, "manifest.json"), JSON.stringify(manifest));
    rmSync(keysOf(data), { recursive: true });
    cpSync(keys, keysOf(data), { recursive: true });
    expect(existsSync(join(keysOf(data), "tombstones"))).toBe(false);
    expect((await troth(["restore", older, "--data", data])).code).toBe(0);
    await expectErased(data, traces);
  });

  async function erased(data: string): Promise<string> {
    expect((await troth(["erase", anna, "--yes", "--data", data])).code).toBe(0);
    return eventsIn(data).find(({ type }) => type === "SubjectErased")!.occurredAt;
  }
});

describe("a backup that is not what it was", { timeout: 180_000 }, () => {
  let backup: string;
  beforeAll(async () => {
    backup = join(scratchFolder(later), "backup");
    expect((await troth(["backup", backup, "--data", made])).code).toBe(0);
  });

  const flipped = (path: string) => {
    const bytes = readFileSync(path);
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(path, bytes);
  };
  const damages: [string, string, (path: string) => void][] = [
    ["a byte changed", "ledger.db", flipped],
    ["a byte changed", "vault.db", flipped],
    ["its end cut off", "ledger.db", (path) => truncateSync(path, statSync(path).size - 4_096)],
    ["been removed", "ledger.db", (path) => rmSync(path)],
    ["been removed", "vault.db", (path) => rmSync(path)],
    ["been removed", "manifest.json", (path) => rmSync(path)],
    ["been emptied", "manifest.json", (path) => writeFileSync(path, "{}")],
    [
      "the number of events changed",
      "ledger.db",
      (path) => {
        const manifest = join(path, "../manifest.json");
        writeFileSync(
          manifest,
          readFileSync(manifest, "utf8").replace(/"head": (\d+)/, (_, head) => `"head": ${Number(head) - 1}`),
        );
      },
    ],
  ];

  it.each(damages)("where %s of %s, is refused by name and leaves nothing", async (_, file, damage) => {
    const copy = join(scratchFolder(), "backup");
    cpSync(backup, copy, { recursive: true });
    damage(join(copy, file));
    const data = join(scratchFolder(), "data");
    cpSync(keysOf(made), keysOf(data), { recursive: true });
    const { code, err } = await troth(["restore", copy, "--data", data]);
    expect([code, err]).toEqual([5, expect.stringContaining(file)]);
    expect(existsSync(data) ? readdirSync(data) : []).toEqual([]);
  });
});

describe("troth restore", { timeout: 180_000 }, () => {
  it("refuses the folder of a running server, one that holds something, and one without keys", async () => {
    const data = aCopy();
    const backup = await backedUp(data);
    const server = await runningServer(data, secret);
    const inUse = await troth(["restore", backup, "--data", data]);
    await server.stop();
    expect([inUse.code, inUse.err]).toEqual([3, expect.stringContaining("is in use by process")]);
    const full = await troth(["restore", backup, "--data", data]);
    expect([full.code, full.err]).toEqual([2, expect.stringContaining("is not empty")]);
    const keyless = await troth(["restore", backup, "--data", join(scratchFolder(), "data")]);
    expect([keyless.code, keyless.err]).toEqual([
      2,
      expect.stringContaining("restore the keys folder from its own backup first"),
    ]);
    const strange = join(scratchFolder(), "data");
    await ledgerWithText(`${strange}-other`, 0);
    const misfit = await troth(["restore", backup, "--data", strange, "--keys-folder", keysOf(`${strange}-other`)]);
    expect([misfit.code, readdirSync(strange)], misfit.err).toEqual([5, []]);
  });

  it("takes the keys from a backup that was made with them, to any place", async () => {
    const data = aCopy();
    const backup = await backedUp(data, "--with-keys");
    const place = join(scratchFolder(), "elsewhere");
    const { code, out, err } = await troth(["restore", backup, "--data", place]);
    expect(code, err).toBe(0);
    expect(out).toContain("Its keys were taken from the backup");
    expect((statSync(join(keysOf(place), "kek.bin")).mode & 0o777).toString(8)).toBe("600");
    const server = await runningServer(place, secret);
    const { personal } = (await (await asking(server).get(`people/${anna}`)).json()) as { personal: object };
    expect(personal).toMatchObject({ name: { status: "opened" } });
    await signedUpTo(server);
    await server.stop();
  });

  it("restores a backup whose vault has expired when told so, and then opens nothing and says `unavailable`", async () => {
    const data = aCopy();
    const backup = await backedUp(data);
    rmSync(join(backup, "vault.db"));
    rmSync(data, { recursive: true });
    const refused = await troth(["restore", backup, "--data", data]);
    expect([refused.code, refused.err]).toEqual([5, expect.stringContaining("--without-vault")]);
    expect((await troth(["restore", backup, "--data", data, "--without-vault"])).code).toBe(0);
    const server = await runningServer(data, secret);
    const { personal } = (await (await asking(server).get(`people/${anna}`)).json()) as { personal: object };
    const promises = (await (await asking(server).get(`accounts/${account}/promises`)).json()) as { items: object[] };
    await server.stop();
    expect(personal).toMatchObject({ name: { status: "unavailable" } });
    expect(promises.items).toMatchObject([{ state: "kept" }]);
  });
});
