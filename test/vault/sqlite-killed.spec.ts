import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyEncryptionKey } from "../../src/vault/keys-folder.ts";
import { openSqliteVault } from "../../src/vault/sqlite.ts";
import type { OpenRequest } from "../../src/vault/vault.ts";
import { reader } from "./examples.ts";

describe("a vault whose process is killed", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "troth-vault-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("opens every segment whose sealing was acknowledged", async () => {
    const acknowledged: OpenRequest[] = [];
    for (const [round, lines] of [1, 40, 333, 1_000].entries()) {
      acknowledged.push(...(await sealUntilKilled(folder, round * 1_000_000, lines)));
      const path = join(folder, "vault.db");
      const vault = openSqliteVault(path, keyEncryptionKey(join(folder, "keys"), path));
      const opened = await vault.open(acknowledged, reader);
      await vault.close();
      const texts = opened.flat().map((segment) => (segment.status === "opened" ? segment.value : segment.status));
      expect(texts).toEqual(acknowledged.map((request) => `text ${Number(request.event.slice("evt_".length))}`));
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(1_374);
  });
});

/** The sealed segments that a process acknowledged before it was killed, in the midst of its work, after so many lines. */
function sealUntilKilled(folder: string, from: number, lines: number): Promise<OpenRequest[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "sealing-process.ts"), folder, String(from)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (output.split("\n").length > lines) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (_code, signal) => {
      if (signal !== "SIGKILL") reject(new Error("the sealing process ended by itself"));
      // What follows the last line feed was cut off by the kill.
      resolve(
        output
          .split("\n")
          .slice(0, -1)
          .map((line) => JSON.parse(line) as OpenRequest),
      );
    });
  });
}
