import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  isNode,
  joinCluster,
  leaveCluster,
  membershipOf,
  membershipPath,
  requireConnections,
  vaultSchemaOf,
} from "../../src/composition/cluster-node.ts";
import { openLedger } from "../../src/composition/ledger-folder.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "troth-node-"))));
afterEach(() => rmSync(folder, { recursive: true }));

describe("the folder of a node", () => {
  it("says under which prefix its ledger lies, to its owner alone", () => {
    expect([isNode(folder), membershipOf(folder)]).toEqual([false, undefined]);
    joinCluster(folder, "north-sales");
    expect([isNode(folder), membershipOf(folder)]).toEqual([true, { v: 1, prefix: "north-sales" }]);
    expect(statSync(membershipPath(folder)).mode & 0o777).toBe(0o600);
    expect(vaultSchemaOf(membershipOf(folder)!)).toBe("troth_north_sales");
    leaveCluster(folder);
    expect(isNode(folder)).toBe(false);
  });

  it.each(["North", "a/b", "-a", "a_b", "", "x".repeat(41)])("takes no prefix such as %j", (prefix) => {
    expect(() => joinCluster(folder, prefix)).toThrow(/joined by hyphens/);
    expect(isNode(folder)).toBe(false);
  });

  it.each([
    ["{", /it is no JSON/],
    ['{"v":2,"prefix":"a"}', /\/v /],
    ['{"v":1,"prefix":"a","url":"kurrentdb://u:secret@h"}', /does not say of which ledger/],
  ])("is refused where the file holds %s", (content, reason) => {
    writeFileSync(membershipPath(folder), content);
    expect(() => membershipOf(folder)).toThrow(reason);
    expect(() => membershipOf(folder)).not.toThrow(/secret/);
  });

  it("is not opened without its connections, and the lock is given back", async () => {
    joinCluster(folder, "main");
    await expect(openLedger({ folder })).rejects.toThrow(/TROTH_KURRENTDB_URL/);
    await expect(openLedger({ folder, connections: { events: "kurrentdb://a" } })).rejects.toThrow(/TROTH_VAULT_URL/);
  });

  it("needs both connections", () => {
    expect(() => requireConnections({})).toThrow(/TROTH_KURRENTDB_URL_FILE/);
    expect(requireConnections({ events: "a", vault: "b" })).toEqual({ events: "a", vault: "b" });
  });
});
