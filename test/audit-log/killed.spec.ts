import { describe, expect, it } from "vitest";
import { equalBytes } from "../../src/audit/encoding.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { parseNote } from "../../src/audit/signed-note.ts";
import { parseTreeHeadText } from "../../src/audit/tree-head.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { aProcess } from "../event-store/support/processes.ts";
import { growAll, openSigned } from "./support/ledger-files.ts";
import { killPoints } from "./support/signing-process.ts";

describe("a process killed between appending, signing, storing and serving", () => {
  it("has never served two heads that contradict each other", async () => {
    const folder = aFolder();
    const notes: string[] = [];
    for (const turn of [2])
      for (const point of killPoints) {
        const { exited, lines } = aProcess("../../audit-log/support/signing-process.ts", [folder, point, turn]);
        for await (const line of lines) notes.push(JSON.parse(line) as string);
        expect((await exited)[1], `${point} in turn ${turn}`).toBe("SIGKILL");
      }
    const { store, tree, close } = await openSigned(folder);
    expect(tree.broken).toBeUndefined();
    growAll(tree);
    notes.push(tree.sign()!.note);
    const leaves = store.log.readAll(0, 10_000).map(({ leaf }) => leafHash(leaf));
    expect(notes.length).toBeGreaterThan(5);
    let before = 0;
    for (const note of notes) {
      const { size, root } = parseTreeHeadText(parseNote(note).text);
      expect(size).toBeGreaterThanOrEqual(before);
      expect(equalBytes(rootHash(leaves, size), root)).toBe(true);
      before = size;
    }
    await close();
  });
});
