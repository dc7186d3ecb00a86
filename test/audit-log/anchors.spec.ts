import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Anchor } from "../../src/audit/anchor.ts";
import { parsePolicy } from "../../src/audit/policy.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { cosign, signTreeHead, treeHeadText } from "../../src/audit/tree-head.ts";
import { formatVerifierKey } from "../../src/audit/verifier-key.ts";
import { memoryEventStore } from "../../src/event-store/memory/memory.ts";
import { Anchoring, requireOfferable } from "../../src/transparency/anchoring.ts";
import { memoryAnchors } from "../../src/transparency/memory.ts";
import { openSqliteAnchors } from "../../src/transparency/sqlite-anchors.ts";
import { keys, leafHashes, logKey, mlDsaKeyText, origin, east } from "../audit/log.examples.ts";
import { anchorsContract } from "../contract/anchors.contract.ts";

const folder = mkdtempSync(join(tmpdir(), "troth-anchors-"));
let serial = 0;
const path = () => join(folder, `ledger-${(serial += 1)}.db`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

anchorsContract("memory", memoryAnchors);
anchorsContract("a file", () => openSqliteAnchors(path()));

describe("anchored heads in a file", () => {
  it("are there after it was closed", () => {
    const file = path();
    const root = new Uint8Array(32).fill(7);
    const head = { origin, size: 8, root, note: "note\n" };
    const first = openSqliteAnchors(file);
    first.keep(head, { witness: "a", line: "— a b", time: 5 });
    first.close();
    const second = openSqliteAnchors(file);
    expect(second.latest(1)).toEqual([{ ...head, cosignatures: [{ witness: "a", line: "— a b", time: 5 }] }]);
    second.close();
  });
});

describe("a process that was killed after a witness had cosigned and before the log said so", () => {
  it("is followed by one that puts it on record, once", async () => {
    const anchors = memoryAnchors();
    const head = { origin, size: 8, root: rootHash(leafHashes(8)) };
    const line = cosign(treeHeadText(head), east, 1_700_000_000).trimEnd();
    anchors.keep(
      { ...head, note: signTreeHead(head, [logKey]) },
      { witness: formatVerifierKey(keys.east), line, time: 1_700_000_000 },
    );
    const onRecord: Anchor[] = [];
    const isFull = [true, false];
    const stopping = new AbortController();
    const anchoring = new Anchoring({
      policy: parsePolicy(`witness east ${formatVerifierKey(keys.east)} http://127.0.0.1:1\nquorum east\n`),
      log: memoryEventStore().log,
      anchors,
      auditLog: undefined as never, // There is no head, so nothing is asked of it.
      record: async (anchor) => {
        if (isFull.shift()) throw new Error("no room");
        onRecord.push(anchor);
      },
      now: () => 1_700_000_000_000,
      onTrouble: () => undefined,
      times: { everyMs: 20 },
    });
    expect(anchoring.status().anchored).toMatchObject({ size: 8, at: "2023-11-14T22:13:20.000Z" });
    const running = anchoring.run(stopping.signal);
    await expect.poll(() => onRecord.length).toBe(1);
    expect(onRecord[0]).toMatchObject({ size: 8, cosignedAt: "2023-11-14T22:13:20.000Z", cosignature: line });
    expect(anchors.unrecorded()).toEqual([]);
    stopping.abort();
    await running;
  });
});

describe("a policy for a ledger", () => {
  const key = formatVerifierKey(keys.east);
  it.each([
    ["witnesses", "quorum none\n", "names no witness"],
    ["an address", `witness east ${key}\nquorum east\n`, "has no URL"],
    ["an address of HTTP", `witness east ${key} ftp://east.example\nquorum east\n`, "none of HTTP"],
    ["an address at all", `witness east ${key} east\nquorum east\n`, "none of HTTP"],
    ["a key that is checked here", `witness pq ${mlDsaKeyText} https://pq.example\nquorum pq\n`, "type 04"],
  ])("needs %s", (_, file, said) => expect(() => requireOfferable(parsePolicy(file))).toThrow(said));
});
