/** A vault that forgets everything with its process: for tests and for trying things out. */
import type { Instant, SubjectId } from "../domain/values.ts";
import { keysOneByOne, type OpeningKeys, vaultOver } from "./keyed-vault.ts";
import { type DataKey, newKey } from "./sealing.ts";
import { type AccessLogLine, type ErasableVault, SubjectErasedError, type Tombstone, type Tombstones } from "./vault.ts";

export function openMemoryVault(): ErasableVault {
  const keys = new Map<SubjectId, DataKey>();
  const tombstones = new Map<SubjectId, Instant>();
  const lines: AccessLogLine[] = [];
  const currentKey = (subject: SubjectId): DataKey | undefined => {
    if (tombstones.has(subject)) throw new SubjectErasedError(subject);
    return keys.get(subject);
  };

  const mint = async (subject: SubjectId): Promise<DataKey> => {
    const key = currentKey(subject) ?? { version: 1, key: newKey() };
    keys.set(subject, key);
    return key;
  };
  const openingKeys: OpeningKeys = {
    ofVersion: (subject, version) => {
      const key = keys.get(subject);
      return key?.version === version ? key : undefined;
    },
    isErased: (subject) => tombstones.has(subject),
    areGood: () => true,
  };

  return vaultOver(
    {
      sealingKeys: (subjects) => keysOneByOne(subjects, currentKey, mint),
      openingKeys: async (more) => {
        for (const line of more) lines.push({ line: lines.length + 1, ...line });
        return openingKeys;
      },
      erase: async (subject, at) => {
        if (!tombstones.has(subject)) tombstones.set(subject, at);
        keys.delete(subject);
      },
      tombstones: () => [...tombstones].map(([subject, at]) => ({ subject, at })),
      accessLog: async ({ limit, before = Infinity, subject, key }) => {
        const found = lines.filter(
          (line) =>
            line.line < before &&
            (subject === undefined || line.subjects.includes(subject)) &&
            (key === undefined || line.key === key),
        );
        const page = found.toReversed().slice(0, limit);
        return { lines: page, ...(page.length < found.length ? { next: page.at(-1)!.line } : {}) };
      },
      close: async () => keys.clear(),
    },
    newKey(),
  );
}

/** Tombstones that are forgotten with their process. */
export function memoryTombstones(): Tombstones {
  const known = new Map<SubjectId, Tombstone>();
  return {
    all: () => [...known.values()],
    add(tombstone) {
      if (!known.has(tombstone.subject)) known.set(tombstone.subject, tombstone);
    },
  };
}
