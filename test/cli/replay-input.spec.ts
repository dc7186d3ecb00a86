import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { scratchFolder, troth } from "./support/troth.ts";

it.each([
  ["a policy that is not there", () => ["--policy", "nofile.json"], "there is no file nofile.json"],
  ["a policy with an unknown member", () => ["--policy", written({ trst: {} })], "misspelt.json: /trst: is not known here"],
  [
    "a policy that is out of bounds",
    () => ["--policy", written({ trust: { halfLifeDays: 0 } })],
    "halfLifeDays: must be more than 0",
  ],
  ["a place that is none", () => ["acc_0000000000000001", "--from", "banana"], "or a size of the log, such as 4711"],
])("%s is told in one sentence", async (_what, options, sentence) => {
  const { code, err } = await troth(["replay", ...options()]);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(sentence) as string });
});

function written(policy: object): string {
  const path = join(scratchFolder(), "misspelt.json");
  writeFileSync(path, JSON.stringify(policy));
  return path;
}
