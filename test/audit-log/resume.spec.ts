import { describe, it } from "vitest";
import { type KnownHead, ledgerRecord } from "../../src/domain/ledger-record.ts";
import { on, specFor } from "../support/spec.ts";

const { given } = specFor(ledgerRecord);
const at = on("2026-07-01");
const head: KnownHead = { size: 340, root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" };
const other: KnownHead = { ...head, size: 341 };
const resume = (lastKnownHead: KnownHead, broken?: KnownHead) => ({ type: "ResumeLog" as const, lastKnownHead, broken, at });
const resumed = { type: "LogResumed" as const, data: { lastKnownHead: head } };

describe("declaring that the log does not go on from the head that was signed last", () => {
  it("names that head in the log", () => given().when(resume(head, head)).then(resumed));
  it("adds nothing when repeated before signing goes on", () =>
    given({ ...resumed, at })
      .when(resume(head, head))
      .thenNothing());
  it("may have to be done again for another head", () =>
    given({ ...resumed, at })
      .when(resume(other, other))
      .then({ type: "LogResumed", data: { lastKnownHead: other } }));
  it("is refused while the log bears out what was signed", () => given().when(resume(head)).thenRefused("log-not-diverged"));
  it("is refused for any other head", () => given().when(resume(other, head)).thenRefused("known-head-differs"));
});
