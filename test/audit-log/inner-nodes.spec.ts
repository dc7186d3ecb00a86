/** What receipts remember of tiles: the same hashes, and no more of them than is allowed. */
import { describe, expect, it } from "vitest";
import { rootOfHashes } from "../../src/audit/tile-proofs.ts";
import { InnerNodes } from "../../src/transparency/inner-nodes.ts";
import { leafHashes } from "../audit/log.examples.ts";

const bytes = new Uint8Array(Buffer.concat(leafHashes(256)));
const tile = { level: 1, index: 0, bytes };

describe("inner nodes of a full tile", () => {
  it("are those that hashing gives, for every subtree", () => {
    const nodes = new InnerNodes();
    for (let count = 1; count <= 256; count *= 2)
      for (let first = 0; first < 256; first += count)
        expect(nodes.rootIn(tile, first, count), `${first} ${count}`).toEqual(rootOfHashes(bytes, first, count));
    expect(nodes.count).toBe(1);
  });

  it("are hashed once", () => {
    const nodes = new InnerNodes();
    nodes.rootIn(tile, 0, 128);
    const damaged = { ...tile, bytes: bytes.map((byte) => byte ^ 1) };
    expect(nodes.rootIn(damaged, 0, 128)).toEqual(rootOfHashes(bytes, 0, 128));
    nodes.clear();
    expect(nodes.rootIn(damaged, 0, 128)).toEqual(rootOfHashes(damaged.bytes, 0, 128));
  });

  it("are not kept of tiles that hold leaves, nor of those that still grow", () => {
    const nodes = new InnerNodes();
    expect(nodes.rootIn({ ...tile, level: 0 }, 0, 128)).toEqual(rootOfHashes(bytes, 0, 128));
    expect(nodes.rootIn({ ...tile, bytes: bytes.subarray(0, 130 * 32) }, 0, 128)).toEqual(rootOfHashes(bytes, 0, 128));
    expect(nodes.count).toBe(0);
  });

  it("are forgotten of whatever was not asked for longest", () => {
    const nodes = new InnerNodes(2);
    const root = (index: number, of = bytes) => nodes.rootIn({ level: 1, index, bytes: of }, 0, 256);
    root(0);
    root(1);
    root(0);
    root(2);
    const damaged = bytes.map((byte) => byte ^ 1);
    expect(nodes.count).toBe(2);
    expect(root(0, damaged)).toEqual(rootOfHashes(bytes, 0, 256));
    expect(root(1, damaged)).toEqual(rootOfHashes(damaged, 0, 256));
  });
});
