import { describe, expect, it } from "vitest";
import { emptyRoot } from "../../src/audit/hashing.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { noteOf, signatureLine } from "../../src/audit/signed-note.ts";
import { cosign, openTreeHead, parseTreeHeadText, signTreeHead, treeHeadText } from "../../src/audit/tree-head.ts";
import { signerKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { auditError, east, hex, keys, leafHashes, logKey, nextLogKey, origin, otherLogKey, west } from "./log.examples.ts";

const head = { origin, size: 5, root: rootHash(leafHashes(5)) };
const text = treeHeadText(head);
const nobody = { code: "no-trusted-signature" };
const malformed = { code: "malformed-tree-head" };

describe("a signed tree head", () => {
  it("says origin, size and root, signed by the log's key", async () => {
    const note = signTreeHead(head, [logKey]);
    expect(note).toBe(noteOf(`${origin}\n5\n${Buffer.from(head.root).toString("base64")}\n`, [signatureLine(text, logKey)]));
    const opened = await openTreeHead(Buffer.from(note), [keys.log]);
    expect(opened).toMatchObject({ origin, size: 5, text, cosignatures: [], unknown: [] });
    expect(hex(opened.root)).toBe(hex(head.root));
  });

  it("can be signed by the old key and the new, so that whoever trusts one can open it", async () => {
    const note = signTreeHead(head, [logKey, nextLogKey]);
    for (const trusted of [[keys.log], [verifierOf(nextLogKey)], [keys.log, verifierOf(nextLogKey)]]) {
      expect((await openTreeHead(note, trusted)).signatures).toHaveLength(trusted.length);
    }
  });

  it("counts for nothing where a trusted key of another log signed it", async () => {
    const note = noteOf(text, [signatureLine(text, otherLogKey)]);
    expect(await auditError(() => openTreeHead(note, [keys.log, verifierOf(otherLogKey)]))).toEqual(nobody);
  });

  it("counts for nothing where witnesses alone signed it", async () => {
    const note = noteOf(text, [cosign(text, east, 100)]);
    expect(await auditError(() => openTreeHead(note, [keys.log], [keys.east]))).toEqual(nobody);
    // A witness that is named as the log is a witness all the same.
    const namesake = signerKey(origin, 0x04, east.seed);
    const other = noteOf(text, [cosign(text, namesake, 100)]);
    expect(await auditError(() => openTreeHead(other, [keys.log], [verifierOf(namesake)]))).toEqual(nobody);
  });

  it("may be signed by a log with a timestamp, which makes no witness of it", async () => {
    const timed = signerKey(origin, 0x04, logKey.seed);
    const opened = await openTreeHead(noteOf(text, [cosign(text, timed, 7)]), [verifierOf(timed)], [keys.east]);
    expect([opened.signatures.map(({ time }) => time), opened.cosignatures]).toEqual([[7], []]);
  });

  it("lists the cosignatures of trusted witnesses with their times", async () => {
    const note = signTreeHead(head, [logKey]) + cosign(text, east, 100) + cosign(text, west, 90);
    const opened = await openTreeHead(note, [keys.log], [keys.east, keys.north]);
    expect(opened.cosignatures.map(({ key, time }) => [key.name, time])).toEqual([[east.name, 100]]);
    expect(opened.unknown.map(({ name }) => name)).toEqual([west.name]);
  });

  it("is made by keys that bear its origin, and by those alone", () => {
    for (const wrong of [[], [otherLogKey], [logKey, otherLogKey], [signerKey(origin, 0x04, logKey.seed)]]) {
      expect(() => signTreeHead(head, wrong)).toThrow(RangeError);
    }
  });
});

describe("the text of a tree head", () => {
  it("is read back, at sizes from 0 to 2^53 − 1", () => {
    for (const size of [0, 1, 256, Number.MAX_SAFE_INTEGER]) {
      const sized = { ...head, size, root: emptyRoot() };
      expect(parseTreeHeadText(treeHeadText(sized))).toMatchObject({ origin, size, extensions: [] });
    }
  });

  it("may have extension lines and any origin, where another log wrote it", () => {
    expect(parseTreeHeadText(`${text}more\nand more\n`)).toMatchObject({ size: 5, extensions: ["more", "and more"] });
    expect(parseTreeHeadText(text.replace(origin, "go.sum database tree")).origin).toBe("go.sum database tree");
  });

  const [, , root = ""] = text.split("\n");
  it.each([
    ["nothing", ""],
    ["an empty origin", `\n5\n${root}\n`],
    ["no root", `${origin}\n5\n`],
    ["an empty line", `${text}\n`],
    ["an empty extension line", `${text}\nmore\n`],
    ["no final LF", text.slice(0, -1)],
    ["a size with a leading zero", text.replace("\n5\n", "\n05\n")],
    ["a size with a sign", text.replace("\n5\n", "\n+5\n")],
    ["a size below zero", text.replace("\n5\n", "\n-5\n")],
    ["a size in hexadecimal", text.replace("\n5\n", "\n0x5\n")],
    ["a size with an exponent", text.replace("\n5\n", "\n5e0\n")],
    ["a size with a space", text.replace("\n5\n", "\n5 \n")],
    ["a size of other digits", text.replace("\n5\n", "\n٥\n")],
    ["a size of 2^53", text.replace("\n5\n", "\n9007199254740992\n")],
    ["a root of 31 bytes", `${origin}\n5\n${Buffer.alloc(31).toString("base64")}\n`],
    ["a root of 33 bytes", `${origin}\n5\n${Buffer.alloc(33).toString("base64")}\n`],
    ["a root without padding", `${origin}\n5\n${root.slice(0, -1)}\n`],
    ["a root in hexadecimal", `${origin}\n5\n${hex(head.root)}\n`],
    ["white space in the root", `${origin}\n5\n${root.slice(0, 9)} ${root.slice(9)}\n`],
  ])("is refused with %s", async (_, odd) => expect(await auditError(() => parseTreeHeadText(odd))).toEqual(malformed));

  it("is refused all the same when it is signed", async () => {
    const odd = `${origin}\nfive\n`;
    expect(await auditError(() => openTreeHead(noteOf(odd, [signatureLine(odd, logKey)]), [keys.log]))).toEqual(malformed);
  });

  it("is never written otherwise", () => {
    for (const odd of [
      { origin: "a b" },
      { origin: "" },
      { origin: "a\nb" },
      { size: -1 },
      { size: 2 ** 53 },
      { root: Buffer.of(1) },
    ]) {
      expect(() => treeHeadText({ ...head, ...odd })).toThrow(RangeError);
    }
  });
});
