import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyEncryptionKey } from "../../src/vault/keys-folder.ts";

describe("the key-encryption key", () => {
  let root: string, folder: string, file: string, vault: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "troth-keys-"));
    folder = join(root, "keys");
    file = join(folder, "kek.bin");
    vault = join(root, "vault.db");
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

  it("is made at the first start, for its owner alone, and stays the same", () => {
    const made = keyEncryptionKey(folder, vault);
    expect(made.symmetricKeySize).toBe(32);
    expect(mode(folder)).toBe("700");
    expect(mode(file)).toBe("600");
    expect(readdirSync(folder)).toEqual(["kek.bin"]);
    writeFileSync(vault, "");
    expect(keyEncryptionKey(folder, vault).equals(made)).toBe(true);
  });

  it("differs from one ledger to the next", () => {
    expect(keyEncryptionKey(folder, vault).equals(keyEncryptionKey(join(root, "other"), vault))).toBe(false);
  });

  it("is private whatever the umask", () => {
    const before = process.umask(0o277);
    try {
      keyEncryptionKey(join(root, "."), vault);
    } finally {
      process.umask(before);
    }
    expect(mode(join(root, "kek.bin"))).toBe("600");
  });

  it.each([0o640, 0o620, 0o604, 0o602, 0o644])("is refused where others than its owner can use it", (shared) => {
    keyEncryptionKey(folder, vault);
    chmodSync(file, shared);
    expect(() => keyEncryptionKey(folder, vault)).toThrow(`has mode 0${shared.toString(8)}`);
  });

  it.each([0, 31, 33])("is refused with a length of %i", (length) => {
    keyEncryptionKey(folder, vault);
    writeFileSync(file, Buffer.alloc(length));
    expect(() => keyEncryptionKey(folder, vault)).toThrow(`holds ${length} bytes instead of 32`);
  });

  it("is not made anew where a vault exists that needs the lost one", () => {
    writeFileSync(vault, "");
    expect(() => keyEncryptionKey(folder, vault)).toThrow("restore the keys folder from its backup");
    expect(existsSync(folder)).toBe(false);
  });
});
