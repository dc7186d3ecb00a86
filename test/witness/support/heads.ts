/** A log that grows, as its witnesses see it. */
import { consistencyProof, rootHash } from "../../../src/audit/merkle.ts";
import { signTreeHead } from "../../../src/audit/tree-head.ts";
import type { SignerKey } from "../../../src/audit/verifier-key.ts";
import { formatAddTreeHead } from "../../../src/audit/witness.ts";
import { leafHashes, logKey } from "../../audit/log.examples.ts";

const leaves = leafHashes(200);

export const noteAt = (size: number, key: SignerKey = logKey, from = leaves): string =>
  signTreeHead({ origin: key.name, size, root: rootHash(from, size) }, [key]);

/** The body of a request from one size to another. */
export const request = (oldSize: number, size: number, key?: SignerKey): string =>
  formatAddTreeHead({ oldSize, proof: oldSize === 0 ? [] : consistencyProof(leaves, oldSize, size), note: noteAt(size, key) });

/** A history of the same length that is another from the first leaf on. */
export const otherLeaves = [...leaves].reverse();

export const send = (url: string, body: string | Uint8Array<ArrayBuffer>): Promise<Response> =>
  fetch(`${url}/add-checkpoint`, { method: "POST", body });
