import { describe, expect, it } from "vitest";
import { recordAnchor } from "../../src/commands/tree-heads.ts";
import { anchor } from "../../src/domain/anchor.ts";
import { type KeyRotation, ledgerRecord } from "../../src/domain/ledger-record.ts";
import { anchored, keyRotation, thirdLogKey } from "../domain/tree-heads.examples.ts";
import { formatVerifierKey } from "../../src/audit/verifier-key.ts";
import { testLedger } from "../support/ledger.ts";
import { on, specFor } from "../support/spec.ts";

const at = on("2026-07-02");

describe("putting a cosignature on record", () => {
  const { given } = specFor(anchor);
  const put = (more: Partial<typeof anchored> = {}) => ({ type: "RecordAnchor" as const, anchor: { ...anchored, ...more }, at });
  const onRecord = { type: "TreeHeadAnchored" as const, data: anchored };

  it("says who saw which head, and when", () => given().when(put()).then(onRecord));
  it("adds nothing for a witness that is on record, whatever time it now says", () =>
    given({ ...onRecord, at })
      .when(put({ cosignedAt: on("2026-07-03") }))
      .thenNothing());
  it("adds every other witness", () => {
    const witness = anchored.witness.replace("north", "south");
    given({ ...onRecord, at })
      .when(put({ witness }))
      .then({ type: "TreeHeadAnchored", data: { ...anchored, witness } });
  });
});

describe("a cosignature that two nodes put on record", () => {
  it("is one event, whatever each of them was told", async () => {
    const { desk, store } = testLedger("2026-07-02T00:00:00.000Z");
    const first = await recordAnchor(desk, anchored);
    expect(first.stream).toBe("anchor-4711");
    const head = store.log.head();
    const again = await recordAnchor(desk, { ...anchored, cosignedAt: on("2026-07-01 10:05") });
    expect([again.isReplay, again.events[0]!.id, store.log.head()]).toEqual([true, first.events[0]!.id, head]);
    const other = await recordAnchor(desk, { ...anchored, witness: anchored.witness.replace("north", "south") });
    expect([other.stream, other.revision]).toEqual(["anchor-4711", 1]);
  });
});

describe("rotating the log's key", () => {
  const { given } = specFor(ledgerRecord);
  const rotate = (more: Partial<KeyRotation> = {}) => ({
    type: "RotateLogKey" as const,
    rotation: { ...keyRotation, ...more },
    at,
  });
  const rotated = { type: "LogKeyRotated" as const, data: keyRotation };
  const thirdKey = formatVerifierKey(thirdLogKey);

  it("names both keys, with their signatures", () => given().when(rotate()).then(rotated));
  it("adds nothing when repeated", () =>
    given({ ...rotated, at })
      .when(rotate())
      .thenNothing());
  it("goes on from the key that it led to", () => {
    const next = { oldKey: keyRotation.newKey, newKey: thirdKey };
    given({ ...rotated, at })
      .when(rotate(next))
      .then({ type: "LogKeyRotated", data: { ...keyRotation, ...next } });
  });
  it("is refused from a key that is no longer the log's", () =>
    given({ ...rotated, at })
      .when(rotate({ newKey: thirdKey }))
      .thenRefused("log-key-rotated"));
});
