import { describe, expect, it } from "vitest";
import { type Anchor, verifyAnchor } from "../../src/audit/anchor.ts";
import { cosign, treeHeadText } from "../../src/audit/tree-head.ts";
import { formatVerifierKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { anchored, northWitness } from "../domain/tree-heads.examples.ts";
import { auditError, east } from "./log.examples.ts";

const north = verifierOf(northWitness);
const text = treeHeadText({ ...anchored, root: Uint8Array.fromBase64(anchored.root) });
const refusal = (anchor: Anchor, trusted = [north]) => auditError(() => verifyAnchor(anchor, trusted));

describe("an anchor in the log", () => {
  it("is the cosignature of a witness that is trusted", async () => {
    const { key, time } = await verifyAnchor(anchored, [verifierOf(east), north]);
    expect([key.name, new Date(time * 1000).toISOString()]).toEqual([north.name, anchored.cosignedAt]);
  });

  it("says nothing by a witness that is not trusted", async () => {
    expect(await refusal(anchored, [verifierOf(east)])).toEqual({ code: "no-trusted-signature" });
    expect(await refusal({ ...anchored, witness: formatVerifierKey(verifierOf(east)) }, [verifierOf(east)])).toEqual({
      code: "no-trusted-signature",
    });
  });

  it.each<[string, Partial<Anchor>, string]>([
    ["another size", { size: anchored.size + 1 }, "bad-signature"],
    ["another origin", { origin: "troth/other" }, "bad-signature"],
    ["another root", { root: Buffer.alloc(32).toString("base64") }, "bad-signature"],
    ["no root", { root: "x" }, "bad-anchor"],
    ["another time", { cosignedAt: "2026-07-01T10:00:01.000Z" }, "bad-anchor"],
    ["another line", { cosignature: cosign(text, east, 1).trimEnd() }, "no-trusted-signature"],
    ["a text of its own", { cosignature: `more\n\n${anchored.cosignature}` }, "bad-signature"],
  ])("is refused with %s", async (_, changed, code) => {
    expect(await refusal({ ...anchored, ...changed })).toEqual({ code });
  });

  it("is refused with a time that no event can name", async () => {
    const cosignature = cosign(text, northWitness, 300_000_000_000).trimEnd();
    expect(await refusal({ ...anchored, cosignature })).toEqual({ code: "bad-anchor" });
  });
});
