import { createCipheriv, createHash, createSecretKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { commitmentTo, newKey, openSegment, sealSegment, unwrapKey, wrapKey } from "../../src/vault/sealing.ts";
import { anna, ben, firstVisit, secondVisit } from "./examples.ts";

const dataKey = { version: 1, key: newKey() };
const place = { event: firstVisit, subject: anna, field: "notes" };

/** The format as AUDIT.md words it, without the code under test. */
function sealedByHand(text: string, salt: Buffer, associated: (commitment: string) => unknown[]) {
  const plaintext = Buffer.concat([salt, Buffer.from(JSON.stringify(text))]);
  const commitment = createHash("sha256").update("troth/commit/v1\n").update(plaintext).digest("base64");
  const nonce = Buffer.alloc(12, 7);
  const cipher = createCipheriv("aes-256-gcm", dataKey.key, nonce).setAAD(Buffer.from(JSON.stringify(associated(commitment))));
  const ciphertext = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { commitment, entry: { k: 1, c: ciphertext.toString("base64") } };
}

describe("sealing a segment", () => {
  const salt = Buffer.alloc(32, 3);

  it("commits to salt and canonical text as documented", () => {
    // printf 'troth/commit/v1\n' + 32 bytes 03 + '"Grüße"' in UTF-8, through sha256sum.
    expect(commitmentTo(salt, "Grüße")).toBe("+GdqY4AU9Kzzl4QQOXQxs4y5cvUiEB1rUPFznTlTAqQ=");
  });

  it("refuses a salt of another length", () => {
    expect(() => commitmentTo(Buffer.alloc(31), "text")).toThrow(RangeError);
  });

  it("opens what was sealed by hand from the document", () => {
    const { commitment, entry } = sealedByHand("Grüße", salt, (commitment) => [firstVisit, anna, "notes", 1, commitment]);
    expect(openSegment(dataKey, place, commitment, entry)).toEqual({ value: "Grüße", salt: salt.toString("base64") });
  });

  it("refuses a text that is not the committed one, though its tag is right", () => {
    const claimed = commitmentTo(salt, "I promised nothing");
    const { entry } = sealedByHand("I promised", salt, () => [firstVisit, anna, "notes", 1, claimed]);
    expect(openSegment(dataKey, place, claimed, entry)).toBeUndefined();
  });

  it("binds event, subject, field, key version and commitment, under one and the same key", () => {
    const { commitment, entry } = sealSegment(dataKey, place, "text");
    const other = sealSegment(dataKey, place, "text").commitment;
    expect(openSegment(dataKey, place, commitment, entry)?.value).toBe("text");
    expect(openSegment(dataKey, { ...place, event: secondVisit }, commitment, entry)).toBeUndefined();
    expect(openSegment(dataKey, { ...place, subject: ben }, commitment, entry)).toBeUndefined();
    expect(openSegment(dataKey, { ...place, field: "name" }, commitment, entry)).toBeUndefined();
    expect(openSegment({ ...dataKey, version: 2 }, place, commitment, { ...entry, k: 2 })).toBeUndefined();
    expect(openSegment(dataKey, place, commitment, { ...entry, k: 2 })).toBeUndefined();
    expect(openSegment(dataKey, place, other, entry)).toBeUndefined();
    expect(openSegment({ version: 1, key: newKey() }, place, commitment, entry)).toBeUndefined();
  });

  it("never uses a salt or a nonce twice", () => {
    const sealed = Array.from({ length: 2_000 }, () => sealSegment(dataKey, place, "text"));
    const salts = sealed.map(({ commitment, entry }) => openSegment(dataKey, place, commitment, entry)!.salt);
    const nonces = sealed.map(({ entry }) => Buffer.from(entry.c, "base64").toString("hex", 0, 12));
    expect(new Set(salts).size).toBe(2_000);
    expect(new Set(nonces).size).toBe(2_000);
  });
});

describe("wrapping a key", () => {
  const keyEncryptionKey = newKey();
  const wrapped = wrapKey(keyEncryptionKey, dataKey.key, ["data-key", anna, 1]);

  it("gives the key back under the same key-encryption key and for the same use", () => {
    expect(unwrapKey(keyEncryptionKey, wrapped, ["data-key", anna, 1])?.equals(dataKey.key)).toBe(true);
    expect(wrapped).toHaveLength(60);
    expect(wrapped.includes(dataKey.key.export())).toBe(false);
  });

  it("binds subject, version and kind", () => {
    expect(unwrapKey(keyEncryptionKey, wrapped, ["data-key", ben, 1])).toBeUndefined();
    expect(unwrapKey(keyEncryptionKey, wrapped, ["data-key", anna, 2])).toBeUndefined();
    expect(unwrapKey(keyEncryptionKey, wrapped, ["id-key"])).toBeUndefined();
    expect(unwrapKey(newKey(), wrapped, ["data-key", anna, 1])).toBeUndefined();
    expect(unwrapKey(keyEncryptionKey, wrapped.subarray(1), ["data-key", anna, 1])).toBeUndefined();
    expect(unwrapKey(keyEncryptionKey, new Uint8Array(0), ["data-key", anna, 1])).toBeUndefined();
  });

  it("gives no key of another length", () => {
    const short = wrapKey(keyEncryptionKey, createSecretKey(Buffer.alloc(16)), ["id-key"]);
    expect(unwrapKey(keyEncryptionKey, short, ["id-key"])).toBeUndefined();
  });
});
