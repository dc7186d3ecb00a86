/** Dossiers of small honest logs, and of logs written leaf by leaf: they come to no more than the whole log does, and no less. */
import { describe, expect, it } from "vitest";
import { Keys } from "../../src/verification/keys.ts";
import type { LeafEvent } from "../../src/verification/leaf-event.ts";
import { Loads } from "../../src/verification/loads.ts";
import type { BundleFile } from "../../src/verification/bundle-format.ts";
import { bundleOf, told, toldIn } from "./support/forgery.ts";
import {
  account,
  dossierOf,
  iso,
  key,
  promised,
  reportOn,
  reportOnDossier,
  rule,
  type SmallLog,
  smallLog,
} from "./support/small-log.ts";

const system = { account: undefined, actor: { kind: "system", id: "command-line" } };
const load = { recording: "rec_0000000000000001", source: "crm" };
const both = async (log: SmallLog, census: number) => ({
  log: told(await reportOn(log)),
  dossier: told(await reportOnDossier(await dossierOf(log, census))),
});

describe("the dossier of an honest log", () => {
  it("whose clock ran ahead, so that a breach was put on record too early, is verified", async () => {
    const log = smallLog();
    log.pass("2026-02-03");
    log.settle();
    log.ledger("ClockCorrected", { logTime: iso("2026-01-19") }, "2026-01-19");
    log.pass("2026-01-19T05:00Z");
    const census = log.census();
    const ok = { exitCode: 0, messages: "" };
    expect(await both(log, census)).toMatchObject({ log: ok, dossier: ok });
  });

  const ends: [string, (log: SmallLog) => unknown][] = [
    ["the end of a load of others", (log) => log.ledger("RecordingCompleted", { ...load, upTo: log.at })],
    ["the end of a key of others", (log) => log.add("KeyRevoked", "key-key_0000000000000009", {}, system)],
    ["a load of others that goes on", () => undefined],
  ];
  const begun = () => {
    const log = smallLog();
    const key = { label: "other", scopes: ["read"], secretHash: "1".repeat(64) };
    log.add("KeyIssued", "key-key_0000000000000009", key, system);
    log.ledger("RecordingStarted", load);
    return log;
  };
  it.each(ends)("whose last leaf of no account is %s is verified, and tells nothing of it", async (_, end) => {
    const log = begun();
    end(log);
    const census = log.census();
    const files = await dossierOf(log, census);
    const report = await reportOnDossier(files);
    expect(told(report)).toMatchObject({ exitCode: 0, messages: "" });
    expect(report.notes.map(({ kind }) => kind)).not.toContain("load-open");
    const types = files.filter(({ path }) => path.startsWith("leaf/")).map(({ bytes }) => toldIn(bytes).type as string);
    expect(types).not.toContain("RecordingStarted");
  });

  it("is not contradicted by such an end where an earlier release took it along", () => {
    const end = { type: "RecordingCompleted", data: { ...load, upTo: iso("2026-01-02") }, position: 9 };
    const times = { occurredAt: iso("2026-01-02"), recordedAt: iso("2026-01-02") };
    const completed = { ...end, ...times } as unknown as Parameters<Loads["apply"]>[0];
    expect([true, false].map((isLog) => new Loads(isLog).apply(completed))).toEqual([expect.any(String), undefined]);
    const revoked = { type: "KeyRevoked", stream: "key-key_0000000000000009", ...system, data: {} } as unknown as LeafEvent;
    expect([true, false].map((knows) => new Keys(() => knows).apply(revoked, false))).toEqual([expect.any(String), undefined]);
  });
});

describe("the dossier of a dishonest log", () => {
  const due = "PromiseBroken of occurrence 1 should stand on record";

  it("contradicts where a breach is missing, though an unknown event came between the breach and the census", async () => {
    const log = smallLog();
    log.pass("2026-03-01");
    log.add("Nonsense", `promise-${promised}`, {}, { at: "2026-03-01T00:30Z" });
    const outcomes = await both(log, log.census("2026-03-01T01:00Z"));
    for (const { exitCode, messages } of [outcomes.log, outcomes.dossier]) {
      expect(exitCode, messages).toBe(1);
      expect(messages).toContain(due);
    }
  });

  it("is in doubt where the breach fell due only after the unknown event", async () => {
    const log = smallLog();
    log.add("Nonsense", `promise-${promised}`, {}, { at: "2026-01-20" });
    log.pass("2026-03-01");
    const outcomes = await both(log, log.census("2026-03-01T01:00Z"));
    for (const { exitCode, messages } of [outcomes.log, outcomes.dossier]) {
      expect(exitCode, messages).toBe(3);
      expect(messages).toContain("of a type that is not known here, may explain it");
    }
  });

  it("does not show a revocation that was left out, and says so", async () => {
    const log = smallLog();
    const revoked = log.add("KeyRevoked", "key-key_0000000000000001", {}, { at: "2026-01-05", ...system });
    const visit = `int_${String(log.visit("2026-01-20", { at: "2026-01-20" })).padStart(16, "0")}`;
    const [basis, keptAt] = [log.basis(), iso("2026-01-20")];
    const kept = {
      occurrence: 1,
      verdict: "kept",
      keptAt,
      latenessMs: 0,
      credit: 1,
      reason: "evidence",
      evidence: [visit],
      basis,
    };
    log.add("PromiseKept", `promise-${promised}`, kept, { occurredAt: keptAt, actor: rule });
    log.add("PromiseConcluded", `promise-${promised}`, { counts: { kept: 1 }, basis }, { occurredAt: keptAt, actor: rule });
    const census = log.census("2026-02-05");
    expect(told(await reportOn(log))).toMatchObject({
      exitCode: 1,
      messages: expect.stringContaining("had been revoked") as string,
    });
    expect(told(await reportOnDossier(await dossierOf(log, census)))).toMatchObject({ exitCode: 1 });
    const { exitCode, notes } = await reportOnDossier(await dossierOf(log, census, [revoked]));
    expect(exitCode).toBe(0);
    expect(notes.filter(({ kind }) => kind === "not-covered").map(({ message }) => message)).toContainEqual(
      expect.stringContaining("only the whole log shows that no key was revoked before it spoke, and that no later policy"),
    );
  });
});

describe("a file that names something twice, of which each reader takes another", () => {
  const twice = (path: string, from: string, to: string) => (file: BundleFile) => {
    if (file.path !== path) return file;
    const text = Buffer.from(file.bytes).toString("utf8");
    expect(text).toContain(from);
    return { path, bytes: Buffer.from(text.replace(from, to)) };
  };
  const settled = () => {
    const log = smallLog();
    log.pass("2026-02-03");
    log.settle();
    return { log, census: log.census("2026-02-04") };
  };

  it.each([
    ["manifest.json", `"account":"${account}"`, `"account":"acc_0000000000000009","account":"${account}"`],
    ["census.json", `"accounts":`, `"accounts":9,"accounts":`],
  ])("is refused: %s", async (path, from, to) => {
    const { log, census } = settled();
    const files = await dossierOf(log, census);
    expect(told(await reportOnDossier(files))).toMatchObject({ exitCode: 0 });
    expect(told(await reportOnDossier(files.map(twice(path, from, to))))).toMatchObject({ exitCode: 1 });
  });

  it("is refused: the manifest of a whole log", async () => {
    const files = await bundleOf(settled().log.leaves, key);
    const forged = files.map(twice("manifest.json", `"size":`, `"size":1,"size":`));
    expect(told(await reportOnDossier(forged))).toMatchObject({ exitCode: 1 });
  });
});
