/** `troth erase`, on a folder and through a running server. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { anna, ben, eventsIn, filesOf, keysOf, ledgerWithText, tracesOf } from "../erasure/support/ledger-with-text.ts";
import { found } from "../support/bytes.ts";
import { runningServer } from "../support/server.ts";
import { removedAtEnd, scratchFolder, troth, trothProcess } from "./support/troth.ts";

const later = removedAtEnd();
let made: string;
let secret: string;
beforeAll(async () => {
  made = join(scratchFolder(later), "data");
  secret = await ledgerWithText(made, 10);
});

function aCopy(): string {
  const data = join(scratchFolder(), "data");
  cpSync(made, data, { recursive: true });
  cpSync(keysOf(made), keysOf(data), { recursive: true });
  return data;
}
const erasedIn = (data: string) => eventsIn(data).flatMap(({ type, data }) => (type === "SubjectErased" ? [data] : []));

describe("troth erase", { timeout: 180_000 }, () => {
  it("erases once the id was typed again, and says what is out of reach", async () => {
    const data = aCopy();
    const traces = tracesOf(data, anna);
    const { code, out, err } = await trothProcess(["erase", anna, "--reason", "subject-asked", "--data", data], {
      input: `${anna}\n`,
    });
    expect(code, err).toBe(0);
    expect(err).toContain("Type the id again");
    expect(out).toContain(`Erased ${anna}`);
    expect(out).toContain("copies of vault.db");
    expect(erasedIn(data)).toEqual([{ subject: anna, reason: "subject-asked" }]);
    expect(found(filesOf(data), traces)).toEqual([]);
  });

  it.each([
    ["another id", `${ben}\n`],
    ["yes", "yes\n"],
    ["nothing", ""],
  ])("erases nothing where %s was typed", async (_, input) => {
    const data = aCopy();
    const { code, err } = await troth(["erase", anna, "--data", data], { input });
    expect([code, erasedIn(data)]).toEqual([2, []]);
    expect(err).toContain("nothing was erased");
  });

  it("adds nothing when repeated", async () => {
    const data = aCopy();
    const run = async () => JSON.parse((await troth(["erase", anna, "--yes", "--data", data, "--json"])).out) as unknown;
    expect([await run(), await run()]).toEqual([
      { subject: anna, erased: true },
      { subject: anna, erased: false },
    ]);
    expect(erasedIn(data)).toHaveLength(1);
  });

  it("sends to a running server, which alone may touch its folder", async () => {
    const data = aCopy();
    const server = await runningServer(data, secret);
    try {
      const direct = await troth(["erase", anna, "--yes", "--data", data]);
      expect([direct.code, direct.err]).toEqual([3, expect.stringContaining("erase through that server with --url and --key")]);
      const sent = await troth(["erase", anna, "--yes", "--url", server.url, "--key", secret, "--json"]);
      expect(JSON.parse(sent.out)).toEqual({ subject: anna, erased: true });
      const unknown = await troth(["erase", "per_9999999999999999", "--yes"], {
        env: { TROTH_URL: server.url, TROTH_KEY: secret },
      });
      expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("subject-not-found")]);
      const keyless = await troth(["erase", anna, "--yes", "--url", server.url]);
      expect([keyless.code, keyless.err]).toEqual([2, expect.stringContaining("needs an API key")]);
    } finally {
      await server.stop();
    }
    const gone = await troth(["erase", anna, "--yes", "--url", server.url, "--key", secret]);
    expect([gone.code, gone.err]).toEqual([6, expect.stringContaining("can't be reached")]);
  });

  it("knows what is no id", async () => {
    const { code, err } = await troth(["erase", "anna", "--yes"]);
    expect([code, err]).toEqual([2, expect.stringContaining("anna is no id of a person or account")]);
  });
});
