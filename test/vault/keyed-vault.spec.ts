import { describe, expect, it } from "vitest";
import { type KeyStore, vaultOver } from "../../src/vault/keyed-vault.ts";
import { newKey } from "../../src/vault/sealing.ts";
import { VaultUnavailableError } from "../../src/vault/vault.ts";
import { anna, ben, firstVisit, read, reader, sealOne } from "./examples.ts";

/** Keys that go bad after they were looked at so many times: a process may be stopped between any two steps. */
function storeThatLapses(): KeyStore & { looksLeft: number } {
  const key = { version: 1, key: newKey() };
  const store = {
    looksLeft: Infinity,
    sealingKeys: () => ({ keys: [key], areGood: () => store.looksLeft-- > 0 }),
    openingKeys: async () => ({
      ofVersion: () => (store.looksLeft-- > 0 ? key : undefined),
      isErased: (subject: string) => subject === ben,
      areGood: () => store.looksLeft-- > 0,
    }),
    erase: async () => undefined,
    accessLog: async () => ({ lines: [] }),
    tombstones: () => [],
    close: async () => undefined,
  };
  return store;
}

describe("keys that were good when they were lent", () => {
  it("open nothing that may be given out once they are not", async () => {
    const store = storeThatLapses();
    const vault = vaultOver(store, newKey());
    const request = await sealOne(vault, firstVisit, anna, "likes chess");
    expect(await read(vault, request)).toEqual(["likes chess"]);
    for (const looks of [0, 1]) {
      store.looksLeft = looks;
      expect(await read(vault, request)).toEqual(["(unavailable)"]);
      store.looksLeft = looks;
      await expect(vault.open([request], reader, { orFail: true })).rejects.toThrow(VaultUnavailableError);
    }
  });

  it("seal nothing that may be recorded once they are not", async () => {
    const store = storeThatLapses();
    store.looksLeft = 0;
    await expect(sealOne(vaultOver(store, newKey()), firstVisit, anna, "likes chess")).rejects.toThrow(VaultUnavailableError);
  });

  it("leave erased what is erased", async () => {
    const store = storeThatLapses();
    const vault = vaultOver(store, newKey());
    const request = await sealOne(vault, firstVisit, ben, "does not");
    store.looksLeft = 0;
    expect(await read(vault, request)).toEqual(["(erased)"]);
  });
});
