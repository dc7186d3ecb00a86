import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runningServer } from "../support/server.ts";
import { scratchFolder, troth } from "./support/troth.ts";

type Told = { isNew: boolean; event: string; position: number; treeSize: number; accounts: number; root: string };

describe("troth census", () => {
  it("counts every account once, and says so when nothing is new", async () => {
    const data = join(scratchFolder(), "data");
    expect((await troth(["init", "--data", data])).code).toBe(0);
    const first = await troth(["census", "--data", data, "--json"]);
    expect([first.code, first.err]).toEqual([0, ""]);
    const taken = JSON.parse(first.out) as Told;
    expect(taken).toMatchObject({ isNew: true, position: 3, treeSize: 2, accounts: 0 });
    expect(JSON.parse((await troth(["census", "--data", data, "--json"])).out)).toEqual({ ...taken, isNew: false });
    expect((await troth(["census", "--data", data])).out).toContain("The last census, of 2 events, still holds.");
  });

  it("leaves a folder that a server holds to the server", async () => {
    const data = join(scratchFolder(), "data");
    const server = await runningServer(data);
    try {
      const { code, err } = await troth(["census", "--data", data]);
      expect([code, err]).toEqual([3, expect.stringContaining("POST /v1/audit/census")]);
    } finally {
      await server.stop();
    }
  });

  it("needs a ledger", async () => expect((await troth(["census", "--data", scratchFolder()])).code).toBe(4));
});
