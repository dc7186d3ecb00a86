/** A vault that forgets everything with its process: for tests and for trying things out. */
import type { Instant, SubjectId } from "../domain/values.ts";
import { vaultOver } from "./keyed-vault.ts";
import { type DataKey, newKey } from "./sealing.ts";
import { type AccessLogLine, type ErasableVault, SubjectErasedError } from "./vault.ts";

export function openMemoryVault(): ErasableVault {
  const keys = new Map<SubjectId, DataKey>();
  const tombstones = new Map<SubjectId, Instant>();
  const lines: AccessLogLine[] = [];
  const currentKey = (subject: SubjectId): DataKey | undefined => {
    if (tombstones.has(subject)) throw new SubjectErasedError(subject);
    return keys.get(subject);
  };

  return vaultOver(
    {
      currentKey,
      keyOfVersion: (subject, version) => {
        const key = keys.get(subject);
        return key?.version === version ? key : undefined;
      },
      mint: async (subject) => {
        const key = currentKey(subject) ?? { version: 1, key: newKey() };
        keys.set(subject, key);
        return key;
      },
      isErased: (subject) => tombstones.has(subject),
      erase: async (subject, at) => {
        if (!tombstones.has(subject)) tombstones.set(subject, at);
        keys.delete(subject);
      },
      log: async (more) => void lines.push(...more),
      accessLog: async (limit) => lines.toReversed().slice(0, limit),
      close: async () => keys.clear(),
    },
    newKey(),
  );
}
