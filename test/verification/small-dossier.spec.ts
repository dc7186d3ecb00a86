/** Dossiers of small honest logs, and of logs written leaf by leaf: they come to no more than the whole log does, and no less. */
import { describe, expect, it } from "vitest";
import { Keys } from "../../src/verification/keys.ts";
import type { LeafEvent } from "../../src/verification/leaf-event.ts";
import { Loads } from "../../src/verification/loads.ts";
import { told, toldIn } from "./support/forgery.ts";
import { dossierOf, iso, reportOn, reportOnDossier, type SmallLog, smallLog } from "./support/small-log.ts";

const system = { account: undefined, actor: { kind: "system", id: "init" } };
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
