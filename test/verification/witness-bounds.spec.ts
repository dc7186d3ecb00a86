/** What nobody but the operator says about when events were recorded, and how it is told. */
import { describe, expect, it } from "vitest";
import { formatVerifierKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { headOf, policyOf, witness } from "./support/forgery.ts";
import { dossierOf, iso, key, reportOn, reportOnDossier, smallLog, type SmallLog } from "./support/small-log.ts";

const seconds = (instant: string): number => Date.parse(instant) / 1000;
/** A witness signed what there is; a little later that is put on record. */
function anchor(log: SmallLog, cosignedAt: string): void {
  const { size, root, origin, note } = headOf(log.leaves, key, seconds(cosignedAt));
  const data = {
    ...{ origin, size, root: root.toBase64(), cosignedAt: iso(cosignedAt) },
    ...{ witness: formatVerifierKey(verifierOf(witness)), cosignature: note.trimEnd().split("\n").at(-1) },
  };
  log.add("TreeHeadAnchored", `anchor-${size}`, data, { at: cosignedAt, account: undefined });
}
const boundsIn = ({ notes }: Awaited<ReturnType<typeof reportOn>>) =>
  notes.filter(({ kind }) => kind === "witnessed-times").map(({ message }) => message);

function yearLong(): SmallLog {
  const log = smallLog(null);
  log.pass("2026-11-01");
  return log;
}

describe("times that no witness bounds", () => {
  it("are told where nobody has seen the log", async () => {
    expect(boundsIn(await reportOn(yearLong()))).toEqual([expect.stringContaining("rests on the operator's clock alone")]);
  });

  it("are told where all of it was shown to the witness on one day, though the quorum is met", async () => {
    const log = yearLong();
    const head = headOf(log.leaves, key, seconds("2026-11-24"));
    const report = await reportOn(log, { policy: policyOf(key, "w") }, { head });
    expect(report.exitCode).toBe(0);
    expect(boundsIn(report)).toEqual([expect.stringContaining("leaf 0 waited longest to be seen, 327 days")]);
  });

  it("are short where the log was anchored as it grew", async () => {
    const log = smallLog(null);
    anchor(log, "2026-01-02T00:10:00Z");
    log.pass("2026-11-01");
    anchor(log, "2026-11-01T05:00:00Z");
    const [message] = boundsIn(await reportOn(log));
    expect(message).toContain("leaf 0 waited longest to be seen, 24 hours from 2026-01-01T00:00:00.000Z on");
    expect(message).toContain(`leaves from ${log.size - 1} on were seen by none`);
  });

  it("are as long as the first leaf waited of those that were shown late", async () => {
    const log = smallLog(null);
    anchor(log, "2026-01-02T00:10:00Z");
    const first = log.pass("2026-03-01");
    for (let minute = 1; minute < 5_000; minute += 1)
      log.pass(new Date(Date.parse("2026-03-01") + minute * 60_000).toISOString());
    anchor(log, "2026-11-01");
    expect(boundsIn(await reportOn(log))).toEqual([expect.stringContaining(`leaf ${first} waited longest to be seen, 245 days`)]);
  });

  it("are told of a dossier too", async () => {
    const report = await reportOnDossier(await dossierOf(yearLong(), undefined));
    expect(boundsIn(report)).toEqual([expect.stringContaining("no witness that your policy names")]);
  });
});

describe("events of the ledger as a whole that a dossier leaves out", () => {
  it("are told, for a correction of the clock may be among them", async () => {
    const log = smallLog(null);
    log.pass("2026-03-01");
    const correction = log.ledger("ClockCorrected", { logTime: iso("2026-01-15") }, "2026-01-15");
    const census = log.census();
    const gapsIn = async (leftOut: number[]) =>
      (await reportOnDossier(await dossierOf(log, census, leftOut))).notes.filter(({ message }) =>
        message.includes("events of the ledger"),
      );
    expect(await gapsIn([])).toEqual([]);
    expect(await gapsIn([correction])).toMatchObject([
      { kind: "not-covered", message: expect.stringMatching(/^1 events/) as string },
    ]);
  });
});
