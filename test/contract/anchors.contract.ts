/** What every store of anchored heads must do. */
import { describe, expect, it } from "vitest";
import type { AnchorStore, KeptCosignature, SignedHead } from "../../src/transparency/stores.ts";

const head = (size: number): SignedHead => ({
  origin: "troth/main",
  size,
  root: new Uint8Array(32).fill(size),
  note: `note of ${size}\n`,
});
const by = (witness: string, time: number): KeptCosignature => ({ witness, time, line: `— ${witness} ${time}` });

export function anchorsContract(name: string, open: () => AnchorStore): void {
  describe(`anchored heads in ${name}`, () => {
    it("are none to begin with", () => {
      const anchors = open();
      expect([anchors.latest(10), anchors.unrecorded(), anchors.cosignaturesOf(head(1)), anchors.lastOf("a")]).toEqual([
        [],
        [],
        [],
        undefined,
      ]);
      anchors.close();
    });

    it("are kept with what each witness said first, newest first", () => {
      const anchors = open();
      anchors.keep(head(5), by("a", 100));
      anchors.keep(head(5), by("b", 101));
      anchors.keep(head(5), by("a", 200));
      anchors.keep(head(9), by("b", 300));
      expect(anchors.latest(10)).toEqual([
        { ...head(9), cosignatures: [by("b", 300)] },
        { ...head(5), cosignatures: [by("a", 100), by("b", 101)] },
      ]);
      expect(anchors.latest(1)).toHaveLength(1);
      expect(anchors.cosignaturesOf(head(5))).toHaveLength(2);
      expect(anchors.cosignaturesOf({ ...head(5), root: new Uint8Array(32) })).toEqual([]);
      expect([anchors.lastOf("a"), anchors.lastOf("b")]).toEqual([
        { size: 5, time: 100 },
        { size: 9, time: 300 },
      ]);
      anchors.close();
    });

    it("wait to be recorded, the oldest first, each once", () => {
      const anchors = open();
      anchors.keep(head(9), by("a", 300));
      anchors.keep(head(5), by("a", 100));
      anchors.keep(head(5), by("b", 101));
      expect(anchors.unrecorded().map(({ head: { size }, cosignature }) => [size, cosignature.witness])).toEqual([
        [5, "a"],
        [5, "b"],
        [9, "a"],
      ]);
      anchors.recorded(head(5), "a");
      anchors.keep(head(5), by("a", 400));
      expect(anchors.unrecorded()).toEqual([
        { head: head(5), cosignature: by("b", 101) },
        { head: head(9), cosignature: by("a", 300) },
      ]);
      anchors.close();
    });
  });
}
