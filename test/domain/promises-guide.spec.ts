/** docs/promises.md says what the deciders do and what the schemas take. `UPDATE_DOCS=1` writes its table anew. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { latenessCredit } from "../../src/domain/lateness.ts";
import { policyDocument } from "../../src/domain/policy.ts";
import { changeProposal } from "../../src/domain/promise/events.ts";
import { checkTerms, matcher, proof, terms } from "../../src/domain/terms.ts";
import { dayMs, hourMs } from "../../src/domain/values.ts";
import { example, visit } from "./assess/assess.examples.ts";
import { lifecycleTable } from "./promise/lifecycle.examples.ts";
import * as p from "./promise.examples.ts";

const path = join(import.meta.dirname, "../../docs/promises.md");
const marked = /(<!-- lifecycle: .* -->\n)([\s\S]*?)(\n?<!-- \/lifecycle -->)/;

if (process.env["UPDATE_DOCS"] === "1") {
  const before = readFileSync(path, "utf8");
  writeFileSync(
    path,
    before.replace(marked, (_, start, __, end) => `${start}\n${lifecycleTable()}\n\n${String(end).trimStart()}`),
  );
}
const guide = readFileSync(path, "utf8");

describe("the guide to promises", () => {
  it("shows the lifecycle that lifecycle.spec.ts proves", () => expect(marked.exec(guide)?.[2]?.trim()).toBe(lifecycleTable()));

  const blocks = [...guide.matchAll(/```json ?(\w*)\n([\s\S]*?)```/g)].map(([, kind, text]) => ({ kind: kind!, text: text! }));
  const schemas: Record<string, z.ZodType> = {
    terms: z.strictObject({ terms, matcher: matcher.optional(), proof: proof.optional() }),
    change: changeProposal,
    policy: policyDocument,
  };
  it.each(blocks)("gives $kind that the ledger takes: $text", ({ kind, text }) => {
    expect(Object.keys(schemas)).toContain(kind);
    const value = schemas[kind]!.parse(JSON.parse(text)) as { terms?: z.infer<typeof terms> };
    if (value.terms !== undefined) checkTerms(value.terms);
  });
  it("has an example of each kind of terms, proof and change", () => {
    for (const word of ["once", "recurring", "abstain", "reschedule", "reassign", "suspend"])
      expect(guide).toContain(`"type": "${word}"`);
    expect(blocks.length).toBeGreaterThan(8);
  });

  it("tells what lateness is worth", () => {
    const worth = [12 * hourMs, 7 * dayMs, 14 * dayMs, 30 * dayMs].map((ms) => latenessCredit(ms));
    expect(worth.map((credit, index) => credit.toFixed([3, 1, 2, 1][index]))).toEqual(["0.991", "0.9", "0.61", "0.5"]);
  });

  it("tells how a deadline passes", () => {
    const promise = example([p.made(p.once("2026-03-06 11:00", { graceMinutes: 1440 }))]);
    expect(
      ["2026-03-06 11:00", "2026-03-07 11:00", "2026-03-08 10:59", "2026-03-08 11:00"].map((at) => promise.reads(at)[0]),
    ).toEqual(["open", "in-grace", "overdue", "broken 2026-03-06 11:00"]);
    expect(promise.at("2026-03-07 12:00", "2026-06-01").occurrences[0]!.standing).toBe("broken");
    expect(promise.at("2026-03-07 12:00").occurrences[0]!.standing).toBe("overdue");
  });

  it("tells which visit serves which occurrence", () => {
    const serves = (days: string[], graceDays = 3) => {
      const told = [p.made(p.series(["2026-03-02", "2026-03-16", "2026-03-30"], { graceMinutes: graceDays * 1440 }))];
      const visits = days.map((day, index) => visit(index + 1, `2026-03-${day}`));
      return example(told, { interactions: visits })
        .at("2026-06-01")
        .occurrences.map(({ standing }) => standing);
    };
    expect(serves(["02 10:00", "16 10:00", "30 10:00"])).toEqual(["kept", "kept", "kept"]);
    expect(serves(["04 10:00", "16 10:00", "30 10:00"])).toEqual(["kept-late", "kept", "kept"]);
    expect(serves(["08 10:00", "16 10:00", "30 10:00"])).toEqual(["broken", "kept", "kept"]);
    expect(serves(["16 10:00", "16 15:00"])).toEqual(["broken", "kept", "broken"]);
    expect(serves(["01 10:00"])[0]).toBe("broken");
    expect(serves(["16 10:00", "16 15:00"], 15)).toEqual(["kept-late", "kept", "broken"]);
  });
});
