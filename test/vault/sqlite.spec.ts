import type { KeyObject } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newKey, unwrapKey } from "../../src/vault/sealing.ts";
import { type SqliteVaultOptions, openSqliteVault } from "../../src/vault/sqlite.ts";
import { type ErasableVault, SubjectErasedError, VaultUnavailableError } from "../../src/vault/vault.ts";
import { vaultContract } from "../contract/vault.contract.ts";
import { anna, ben, evening, event, firstVisit, noon, note, person, read, reader, sealOne, secondVisit } from "./examples.ts";

let folder: string, path: string, keyEncryptionKey: KeyObject;
let files = 0;
const opened: ErasableVault[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troth-vault-"));
  path = join(folder, "vault.db");
  keyEncryptionKey = newKey();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((vault) => vault.close()));
  rmSync(folder, { recursive: true });
});
function openVault(options?: SqliteVaultOptions): ErasableVault {
  const vault = openSqliteVault(path, keyEncryptionKey, options);
  opened.push(vault);
  return vault;
}
/** Another program on the same file. */
function meanwhile<Result>(work: (db: DatabaseSync) => Result): Result {
  const db = new DatabaseSync(path);
  try {
    return work(db);
  } finally {
    db.close();
  }
}
const wrappedKeyOf = (subject: string) =>
  meanwhile(
    (db) => db.prepare("SELECT wrapped FROM data_keys WHERE subject = ?").get(subject)?.["wrapped"] as Uint8Array | undefined,
  );
const bytesOnDisk = () =>
  Buffer.concat([path, `${path}-wal`].filter((file) => existsSync(file)).map((file) => readFileSync(file)));

vaultContract("in SQLite", () => openSqliteVault(join(folder, `contract-${files++}.db`), keyEncryptionKey));
vaultContract("in SQLite, with hardly any keys in memory", () =>
  openSqliteVault(join(folder, `contract-${files++}.db`), keyEncryptionKey, { keysInMemoryMax: 1 }),
);

describe("a vault opened again", () => {
  it("opens what it sealed, gives the same fingerprints, and remembers openings and tombstones", async () => {
    const vault = openVault();
    const request = await sealOne(vault, firstVisit, anna, "likes chess");
    const gone = await sealOne(vault, secondVisit, ben, "does not");
    await read(vault, request);
    await vault.erase(ben, noon);
    const fingerprint = vault.fingerprint("crm:4711");
    await vault.close();

    const again = openVault();
    expect(await read(again, request)).toEqual(["likes chess"]);
    expect(await read(again, gone)).toEqual(["(erased)"]);
    await expect(sealOne(again, secondVisit, ben, "still not")).rejects.toThrow(SubjectErasedError);
    expect(again.fingerprint("crm:4711")).toBe(fingerprint);
    expect((await again.accessLog({ limit: 9 })).lines.map((line) => line.event)).toEqual([secondVisit, firstVisit, firstVisit]);
    expect(await read(again, await sealOne(again, firstVisit, anna, "and go"))).toEqual(["and go"]);
    expect(meanwhile((db) => db.prepare("SELECT count(*) AS keys FROM data_keys").get())).toEqual({ keys: 1 });
  });

  it("refuses another key-encryption key, and stays as it was", async () => {
    const vault = openVault();
    const request = await sealOne(vault, firstVisit, anna, "likes chess");
    await vault.close();
    expect(() => openSqliteVault(path, newKey())).toThrow("the key-encryption key does not open the vault");
    expect(await read(openVault(), request)).toEqual(["likes chess"]);
  });

  it("refuses a file that is no vault, or one of a later version", async () => {
    writeFileSync(path, "this is a text file, and a long one at that; ".repeat(50));
    expect(() => openVault()).toThrow("not a database");
    rmSync(path);
    await openVault().close();
    meanwhile((db) => db.exec("PRAGMA user_version = 2"));
    expect(() => openVault()).toThrow("a vault of version 2");
  });
});

describe("the file of a vault", () => {
  it("shows neither a text nor a key, in the database or in its write-ahead log", async () => {
    const vault = openVault();
    const text = "Anna's daughter plays the bassoon";
    await read(vault, await sealOne(vault, firstVisit, anna, text));
    const wrapped = wrappedKeyOf(anna)!;
    const dataKey = unwrapKey(keyEncryptionKey, wrapped, ["data-key", anna, 1])!.export();
    const idKey = unwrapKey(
      keyEncryptionKey,
      meanwhile((db) => db.prepare("SELECT wrapped FROM id_key").get()!["wrapped"] as Uint8Array),
      ["id-key"],
    )!;

    const bytes = bytesOnDisk();
    expect(bytes.includes(wrapped)).toBe(true);
    expect(bytes.includes(anna)).toBe(true);
    for (const secret of [
      text,
      "bassoon",
      dataKey,
      dataKey.toString("hex"),
      dataKey.toString("base64"),
      idKey.export(),
      keyEncryptionKey.export(),
    ]) {
      expect(bytes.includes(secret)).toBe(false);
    }
  });

  it("holds no trace of the key of an erased subject, not even wrapped", async () => {
    const vault = openVault();
    for (let number = 1; number <= 50; number++) await sealOne(vault, event(number), person(number), "text");
    const wrapped = wrappedKeyOf(anna)!;
    expect(bytesOnDisk().includes(wrapped)).toBe(true);
    await vault.erase(anna, noon);
    expect(bytesOnDisk().includes(wrapped)).toBe(false);
    expect(bytesOnDisk().includes(wrappedKeyOf(ben)!)).toBe(true);
  });

  it("keeps the instant of the first erasure", async () => {
    const vault = openVault();
    await vault.erase(anna, noon);
    await vault.erase(anna, evening);
    expect(meanwhile((db) => db.prepare("SELECT * FROM tombstones").all())).toEqual([{ subject: anna, erased_at: noon }]);
  });

  it("is for its owner alone", async () => {
    await sealOne(openVault(), firstVisit, anna, "text");
    for (const file of [path, `${path}-wal`]) expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
  });
});

describe("keys of a vault", () => {
  it("are minted many at a time in one commit", async () => {
    const vault = openVault();
    const before = commitsInLog();
    await Promise.all(Array.from({ length: 500 }, (_, index) => sealOne(vault, event(index), person(index), "text")));
    expect(commitsInLog() - before).toBe(1);
    await sealOne(vault, event(500), person(499), "known by now");
    expect(commitsInLog() - before).toBe(1);
  });

  it("serve more subjects than fit in memory", async () => {
    const vault = openVault({ keysInMemoryMax: 10 });
    const rounds = [0, 1].flatMap((round) =>
      Array.from({ length: 100 }, (_, index) => ({ number: 100 * round + index, subject: person(index) })),
    );
    const requests = [];
    for (const { number, subject } of rounds) requests.push(await sealOne(vault, event(number), subject, `text ${number}`));
    const texts = (await vault.open(requests, reader)).flat().map((segment) => segment.status === "opened" && segment.value);
    expect(texts).toEqual(rounds.map(({ number }) => `text ${number}`));
    expect(meanwhile((db) => db.prepare("SELECT count(*) AS keys FROM data_keys").get())).toEqual({ keys: 100 });
  });

  it("are not minted for the others when one subject of an event was erased", async () => {
    const vault = openVault();
    await vault.erase(anna, noon);
    await expect(vault.seal({ event: firstVisit, fields: [note(ben, "new"), note(anna, "gone")] })).rejects.toThrow(
      SubjectErasedError,
    );
    expect(wrappedKeyOf(ben)).toBeUndefined();
  });

  it("are useless under another subject's name", async () => {
    const request = await sealOne(openVault(), firstVisit, anna, "likes chess");
    const bens = await sealOne(opened[0]!, firstVisit, ben, "does not");
    meanwhile((db) => db.exec(`UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE subject = '${anna}')`));
    const vault = openVault();
    expect(await read(vault, request)).toEqual(["likes chess"]);
    expect(await read(vault, bens)).toEqual(["(unavailable)"]);
    await expect(sealOne(vault, secondVisit, ben, "text")).rejects.toThrow(`the key of ${ben} is damaged`);
  });

  it("die in memory too when another process destroys them", async () => {
    const vault = openVault();
    const request = await sealOne(vault, firstVisit, anna, "likes chess");
    await openVault().erase(anna, noon);
    await expect(sealOne(vault, secondVisit, anna, "text")).rejects.toThrow(SubjectErasedError);
    expect(await read(vault, request)).toEqual(["(erased)"]);
  });
});

describe("a vault that can't write", () => {
  const breakLog = "CREATE TRIGGER broken BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, 'no room'); END";

  it("gives no text of which the access log does not know", async () => {
    const vault = openVault();
    const request = await sealOne(vault, firstVisit, anna, "likes chess");
    meanwhile((db) => db.exec(breakLog));
    await expect(vault.open([request], reader)).rejects.toThrow(VaultUnavailableError);
    meanwhile((db) => db.exec("DROP TRIGGER broken"));
    expect(await read(vault, request)).toEqual(["likes chess"]);
  });

  it("seals under no key whose commit failed", async () => {
    const vault = openVault();
    const known = await sealOne(vault, firstVisit, anna, "likes chess");
    meanwhile((db) => db.exec(breakLog));
    const both = await Promise.allSettled([sealOne(vault, secondVisit, ben, "lost"), vault.open([known], reader)]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    // With nobody else at the file in between, only the failure itself can have told the vault to forget the key.
    const request = await sealOne(vault, secondVisit, ben, "kept");
    await vault.close();
    meanwhile((db) => db.exec("DROP TRIGGER broken"));
    expect(await read(openVault(), request)).toEqual(["kept"]);
  });

  it("keeps what waits when it is closed", async () => {
    const vault = openVault();
    const sealing = sealOne(vault, firstVisit, anna, "just in time");
    await vault.close();
    expect(await read(openVault(), await sealing)).toEqual(["just in time"]);
  });
});

/** Commits in the write-ahead log: frames whose header names the size of the database. Each one waited for the disk. */
function commitsInLog(): number {
  const log = readFileSync(`${path}-wal`);
  const frameBytes = 24 + log.readUInt32BE(8);
  let commits = 0;
  for (let at = 32; at + frameBytes <= log.length; at += frameBytes) if (log.readUInt32BE(at + 4) !== 0) commits++;
  return commits;
}
