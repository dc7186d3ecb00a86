import { describe, expect, it } from "vitest";
import { commands } from "../../src/commands/registry.ts";
import { isEventType } from "../../src/domain/catalogue.ts";
import { scopeFor } from "../../src/domain/key-authority.ts";

/** What each command records whose scope is another than `record`. */
const recordedBy: Record<string, string> = {
  "rule-dispute": "DisputeRuled",
  "take-census": "CensusTaken",
  "issue-key": "KeyIssued",
  "revoke-key": "KeyRevoked",
  "adopt-policy": "PolicyAdopted",
  "correct-clock": "ClockCorrected",
  "resume-log": "LogResumed",
  "rotate-log-key": "LogKeyRotated",
  "erase-subject": "SubjectErased",
  "fit-prior": "PriorFitted",
  "fit-dormancy-model": "DormancyModelFitted",
};

describe("the scope that an event takes", () => {
  it("is that of the command which records it", () => {
    const special = commands.filter(({ scope }) => scope !== "record");
    expect(special.map(({ name }) => name).sort()).toEqual(Object.keys(recordedBy).sort());
    for (const { name, scope } of special) {
      const type = recordedBy[name]!;
      if (!isEventType(type)) throw new Error(`there is no ${type}`);
      expect([name, scopeFor(type)]).toEqual([name, scope]);
    }
  });
});
