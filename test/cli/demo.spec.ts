import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { usualRenewal } from "../../src/cli/demo/story.ts";
import { scratchFolder, troth, trothProcess } from "./support/troth.ts";

const secondsMax = 10;
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith("troth-demo-"));

describe("troth demo", () => {
  it("tells the story from first visit to renewal, ends by itself, and leaves nothing behind", async () => {
    const before = leftovers();
    const startedAt = process.hrtime.bigint();
    const { code, out, err } = await trothProcess(["demo"], { env: { LANG: "C.UTF-8" } });
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(Number(process.hrtime.bigint() - startedAt) / 1e9).toBeLessThan(secondsMax * 3);
    expect(leftovers()).toEqual(before);
    const text = stripVTControlCharacters(out);
    expect(text, "no colours where nobody sees them").toBe(out);
    for (const part of parts) expect(text).toMatch(part);
  });

  it("draws with ASCII letters where others can't be shown, and keeps the ledger on demand", async () => {
    const data = join(scratchFolder(), "data");
    const { code, out } = await troth(["demo", "--ascii", "--data", data]);
    expect(code).toBe(0);
    expect(out).toMatch(/^[\n\x20-\x7e]*$/);
    expect(out).toContain(`The ledger lies in ${data}`);
    expect(existsSync(join(data, "ledger.db"))).toBe(true);
    expect((await troth(["check", "--deep", "--data", data])).out).toContain("nothing is wrong");
    const again = await troth(["demo", "--data", data]);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining("holds the story already") });
  });
});

const parts = [
  // The timeline: aligned axes, a band, the line, dates.
  /^ 1\.00 ┤░+/m,
  /^ 0\.00 ┤/m,
  /[⠁-⣿]{10}/,
  /└┬─+┬─+┬/,
  /\d{4}-\d\d-\d\d {4,}\d{4}-\d\d-\d\d/,
  /Now 0\.9\d\d, with 95 % certainty between 0\.[78]\d\d and 0\.99\d; from 27 outcomes/,
  // The reason of each jump.
  /0\.500 → 0\.667 +\+0\.167 +\+0\.000 +first visit of the promise/,
  /7 visits, each kept/,
  /visit 9, moved by agreement/,
  /visit 17 came late/,
  /last visit of the promise/,
  /a year without selling/,
  /kept at all +27 of 27 = 100\.0 %, 95 % interval 87\.5 % to 100\.0 %/,
  /kept in time +26 of 27 = 96\.3 %, 95 % interval 81\.7 % to 99\.3 %/,
  // Three answers, and which of them decided.
  /promised cadence +no contact is promised/,
  /own rhythm +a gap is 14\.0 days/,
  /P\(alive\) +no model is fitted/,
  /Decided by own rhythm: active/,
  /█+▒+\nselling 4\.4 h, relationship 27\.3 h: 13\.9 %/,
  // Each promise with its evidence.
  /without a briefcase\."\n {2}concluded: 25 kept, 1 kept-late/,
  /9\. kept \S+, shown by int_\w+, moved from/,
  /17\. kept-late \S+, 58 h late, credit 0\.9\d+, shown by int_\w+/,
  /for one year\."\n {2}kept: 1 kept/,
  /The keeper recorded 27 PromiseKept and 2 PromiseConcluded/,
  // What to try next.
  /npm start/,
  /\/docs/,
  /curl -H "Authorization: Bearer \$TROTH_KEY"/,
];

describe("the story's dates", () => {
  it.each([
    ["2026-11-24", "2026-11-13"],
    ["2026-11-20", "2026-11-13"],
    ["2026-11-19", "2026-11-06"],
    ["2027-01-01", "2026-12-25"],
  ])("on %s the renewal lies on Friday %s", (today, renewal) => {
    expect(usualRenewal(new Date(`${today}T12:00:00Z`))).toBe(renewal);
  });
});
