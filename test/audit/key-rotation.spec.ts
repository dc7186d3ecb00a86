import { describe, expect, it } from "vitest";
import {
  keyForSize,
  keyRotationText,
  keysOfLog,
  type KeyRotation,
  signKeyRotation,
  verifyKeyRotation,
} from "../../src/audit/key-rotation.ts";
import { formatVerifierKey, signerKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { keyRotation } from "../domain/tree-heads.examples.ts";
import { auditError, hex, logKey, nextLogKey, origin, otherLogKey } from "./log.examples.ts";

const thirdKey = signerKey(origin, 0x01, new Uint8Array(32).fill(9));
const [first, second, third] = [logKey, nextLogKey, thirdKey].map(verifierOf);
const root = Buffer.alloc(32, 7).toString("base64");
const at = (size: number) => ({ treeHead: { size, root }, oldKeyUntil: "2026-08-01T00:00:00.000Z" });
const toSecond = signKeyRotation(at(8), logKey, nextLogKey);
const toThird = signKeyRotation(at(20), nextLogKey, thirdKey);
const refusal = (rotation: KeyRotation, trusted = [first!]) => auditError(() => verifyKeyRotation(rotation, trusted));

describe("a rotation of the log's key", () => {
  it("is signed over these lines", () => {
    expect(keyRotationText(keyRotation)).toBe(
      [
        "troth/log-key-rotation/v1",
        "troth/main",
        keyRotation.oldKey,
        keyRotation.newKey,
        "4711",
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "2026-07-31T00:00:00.000Z",
        "",
      ].join("\n"),
    );
  });

  it("leads whoever trusts the old key to the new one, and the other way round", async () => {
    for (const trusted of [first!, second!]) {
      const { oldKey, newKey, treeHead } = await verifyKeyRotation(toSecond, [trusted]);
      expect([formatVerifierKey(oldKey), formatVerifierKey(newKey)]).toEqual([first!, second!].map(formatVerifierKey));
      expect([treeHead.size, hex(treeHead.root)]).toEqual([8, "07".repeat(32)]);
    }
  });

  it("leads nobody else", async () => {
    expect(await refusal(toSecond, [third!])).toEqual({ code: "no-trusted-signature" });
    expect(await refusal(toSecond, [])).toEqual({ code: "no-trusted-signature" });
  });

  it("is refused with any member changed", async () => {
    const other = signKeyRotation(at(9), logKey, thirdKey);
    for (const member of Object.keys(toSecond) as (keyof KeyRotation)[]) {
      if (member === "origin" || member === "oldKey") continue;
      const { code } = (await refusal({ ...toSecond, [member]: other[member] === toSecond[member] ? "x" : other[member] }))!;
      expect(["bad-signature", "bad-rotation"], member).toContain(code);
    }
  });

  it("is refused where one of the two keys has not signed", async () => {
    expect(await refusal({ ...toSecond, newSignature: toSecond.oldSignature })).toEqual({ code: "bad-rotation" });
    expect(await refusal({ ...toSecond, oldSignature: toSecond.newSignature })).toEqual({ code: "bad-rotation" });
  });

  it("is refused with a signature that would stand under another text", async () => {
    const { oldSignature } = toSecond;
    expect(await refusal({ ...toSecond, oldSignature: `more\n\n${oldSignature}` })).toMatchObject({ code: expect.any(String) });
  });

  it("is refused to a key of another log, of another kind, or to the same key", async () => {
    const foreign = formatVerifierKey(verifierOf(otherLogKey));
    const witness = formatVerifierKey(verifierOf(signerKey(origin, 0x04, new Uint8Array(32).fill(9))));
    for (const newKey of [foreign, witness, toSecond.oldKey])
      expect(await refusal({ ...toSecond, newKey })).toEqual({ code: "bad-rotation" });
    expect(() => signKeyRotation(at(8), logKey, logKey)).toThrow(RangeError);
    expect(() => signKeyRotation(at(8), logKey, otherLogKey)).toThrow(RangeError);
  });
});

describe("the keys of a log", () => {
  const rotations = [
    { index: 9, rotation: toSecond },
    { index: 30, rotation: toThird },
  ];

  it("are found from any of them", async () => {
    for (const trusted of [first!, second!, third!]) {
      const keys = await keysOfLog(trusted, rotations);
      expect(keys.map(({ key, above }) => [formatVerifierKey(key), above])).toEqual([
        [formatVerifierKey(first!), -1],
        [formatVerifierKey(second!), 9],
        [formatVerifierKey(third!), 30],
      ]);
    }
    expect(await keysOfLog(first!, [])).toEqual([{ key: first, above: -1 }]);
  });

  it("each sign from the head on that holds the rotation to it", async () => {
    const keys = await keysOfLog(first!, rotations);
    const idAt = (size: number) => keyForSize(keys, size).id;
    expect([0, 9, 10, 30, 31, 1000].map(idAt)).toEqual([first, first, second, second, third, third].map((key) => key!.id));
  });

  it("do not lead to a key whose rotation does not go on from the one before", async () => {
    const code = async (...odd: typeof rotations) => (await auditError(() => keysOfLog(first!, odd)))?.code;
    const stray = { index: 30, rotation: signKeyRotation(at(20), logKey, thirdKey) };
    expect(await code(rotations[0]!, stray)).toBe("bad-rotation");
    expect(await code(rotations[1]!, rotations[0]!)).toBe("bad-rotation");
    expect(await code(rotations[1]!)).toBe("no-trusted-signature");
    expect(await code({ index: 7, rotation: toSecond })).toBe("bad-rotation");
    const forged = { ...toThird, oldSignature: toThird.newSignature };
    expect(await code(rotations[0]!, { index: 30, rotation: forged })).toBe("bad-rotation");
  });
});
