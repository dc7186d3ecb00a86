import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { lockFolder } from "../../src/event-store/folder-lock.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { aLedger, removedAtEnd, scratchFolder, troth, trothProcess } from "./support/troth.ts";

const secretForm = /troth_key_[0-9a-z]+_[\w-]{43}/;

describe("troth init", () => {
  it("makes a ledger with its keys beside it, and prints an admin key and what to do next", async () => {
    const data = join(scratchFolder(), "data");
    const { code, out, err } = await trothProcess(["init", "--data", data, "--name", "north-sales"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(secretForm);
    expect(out).toContain(`troth serve --data ${data}`);
    expect(existsSync(join(data, "ledger.db"))).toBe(true);
    expect(statSync(join(`${data}.keys`, "kek.bin")).mode & 0o777).toBe(0o600);
    expect(JSON.parse((await troth(["status", "--data", data, "--json"])).out)).toMatchObject({ ledger: "north-sales", head: 2 });
  });

  it("answers machines in JSON, finding the folders in the environment", async () => {
    const folder = scratchFolder();
    const env = { TROTH_DATA: join(folder, "data"), TROTH_KEYS_FOLDER: join(folder, "keys") };
    const { out } = await troth(["init", "--json"], { env });
    expect(JSON.parse(out)).toEqual({
      folder: env.TROTH_DATA,
      keysFolder: env.TROTH_KEYS_FOLDER,
      secret: expect.stringMatching(secretForm),
    });
  });

  it("leaves a ledger that is there alone", async () => {
    const data = await aLedger();
    const { code, err } = await troth(["init", "--data", data]);
    expect(code).toBe(4);
    expect(err).toContain("there is a ledger in");
  });

  it("finishes a ledger whose making was cut short before anybody had a key", async () => {
    const data = join(scratchFolder(), "data");
    mkdirSync(data);
    await openSqliteEventStore(join(data, "ledger.db")).close();
    const { code, out } = await troth(["init", "--data", data]);
    expect(code).toBe(0);
    expect(out).toMatch(secretForm);
  });
});

describe("troth keys", () => {
  const later = removedAtEnd();
  let data: string;
  beforeAll(async () => void (data = await aLedger(later)));

  it("lists, issues and revokes", async () => {
    const issued = await trothProcess(["keys", "issue", "calendar", "--scope", "record", "read", "--data", data, "--json"]);
    expect(issued.code).toBe(0);
    const { id, ...more } = JSON.parse(issued.out) as { id: string };
    expect(more).toEqual({
      label: "calendar",
      scopes: ["record", "read"],
      party: null,
      secret: expect.stringMatching(secretForm),
    });
    expect(JSON.parse((await troth(["keys", "revoke", id, "--data", data, "--json"])).out)).toEqual({ id, revoked: true });
    expect(JSON.parse((await troth(["keys", "revoke", id, "--data", data, "--json"])).out)).toEqual({ id, revoked: false });
    const { items } = JSON.parse((await troth(["keys", "list", "--data", data, "--json"])).out) as { items: object[] };
    expect(items).toMatchObject([
      { label: "admin", scopes: ["record", "read", "personal", "arbitrate", "audit", "admin"], revokedAt: null },
      { id, label: "calendar", revokedAt: expect.any(String) },
    ]);
    expect(JSON.stringify(items)).not.toMatch(secretForm);
  });

  it.each([
    [["revoke", "key_0000000000000000"], "there is no key", 2],
    [["revoke", "calendar"], "calendar is no id of a key", 2],
    [["issue", "buyer", "--scope", "read", "--party", "per_0000000000000000"], "there is no person", 2],
  ])("%j is refused: %s", async (args, sentence, code) => {
    const ran = await troth(["keys", ...args, "--data", data]);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(sentence);
  });

  it("points to the API while somebody holds the folder", async () => {
    const lock = lockFolder(data);
    const { code, err } = await trothProcess(["keys", "list", "--data", data]);
    lock.release();
    expect(code).toBe(3);
    expect(err).toContain(`in use by process ${process.pid}`);
    expect(err).toContain("/v1/keys");
  });
});

describe("an unusable folder", () => {
  it("without a ledger is said to be one, with the command that makes it", async () => {
    const folder = scratchFolder();
    const { code, err } = await trothProcess(["keys", "list", "--data", folder]);
    expect({ code, err }).toEqual({
      code: 4,
      err: `troth: there is no ledger in ${folder}; \`troth init --data ${folder}\` makes one\n`,
    });
  });

  it("whose keys are gone is not opened, and no new ones are made", async () => {
    const data = await aLedger();
    const { code, err } = await troth(["keys", "list", "--data", data, "--keys-folder", `${data}.elsewhere`]);
    expect(code).toBe(5);
    expect(err).toContain("restore the keys folder from its backup");
    expect(existsSync(`${data}.elsewhere`)).toBe(false);
  });
});
