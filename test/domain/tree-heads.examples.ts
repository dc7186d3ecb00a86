/** A key rotation and an anchor whose signatures are real, so that what is kept of them for ever can be verified for ever. */
import { cosign, treeHeadText } from "../../src/audit/tree-head.ts";
import { signKeyRotation } from "../../src/audit/key-rotation.ts";
import { formatVerifierKey, signerKey, verifierOf } from "../../src/audit/verifier-key.ts";
import type { Anchored } from "../../src/domain/anchor.ts";
import type { KeyRotation } from "../../src/domain/ledger-record.ts";
import { on } from "../support/spec.ts";

const seed = (fill: number) => new Uint8Array(32).fill(fill);
export const firstLogKey = signerKey("troth/main", 0x01, seed(1));
export const secondLogKey = signerKey("troth/main", 0x01, seed(2));
export const thirdLogKey = signerKey("troth/main", 0x01, seed(3));
export const northWitness = signerKey("north.example/witness", 0x04, seed(11));

const root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

export const keyRotation = signKeyRotation(
  { treeHead: { size: 4711, root }, oldKeyUntil: on("2026-07-31") },
  firstLogKey,
  secondLogKey,
) as KeyRotation;

const head = { origin: "troth/main", size: 4711 };
export const anchored: Anchored = {
  ...head,
  root,
  witness: formatVerifierKey(verifierOf(northWitness)),
  cosignedAt: on("2026-07-01 10:00"),
  cosignature: cosign(
    treeHeadText({ ...head, root: Uint8Array.fromBase64(root) }),
    northWitness,
    Date.parse("2026-07-01T10:00:00.000Z") / 1000,
  ).trimEnd(),
};
