/** A ledger in memory in which something was promised, signed by its log and seen by a witness; with the page served beside it. */
import { toBase64 } from "../../../src/audit/encoding.ts";
import { cosign } from "../../../src/audit/tree-head.ts";
import { formatVerifierKey, signatureType, signerKey, verifierOf } from "../../../src/audit/verifier-key.ts";
import { withCosignatures } from "../../../src/audit/witness.ts";
import { inlineAuditLog } from "../../../src/transparency/inline-audit-log.ts";
import { memoryHeads, memoryTiles } from "../../../src/transparency/memory.ts";
import { receiptOf } from "../../../src/transparency/receipts.ts";
import { SignedTree } from "../../../src/transparency/signed-tree.ts";
import { parseNote } from "../../../src/audit/signed-note.ts";
import { account, berg, novak, testApi, type TestApi } from "../../support/api.ts";

const signerOf = (name: string, fill: number, type: 0x01 | 0x04 = signatureType.ed25519) =>
  signerKey(name, type, new Uint8Array(32).fill(fill));

export const logSigner = signerOf("troth/main", 1);
export const otherSigner = signerOf("troth/main", 2);
export const witnessSigner = signerOf("witness.example", 3, signatureType.ed25519Cosignature);
export const keyText = formatVerifierKey(verifierOf(logSigner));
export const otherKeyText = formatVerifierKey(verifierOf(otherSigner));
export const policyText = `log ${keyText}\nwitness w ${formatVerifierKey(verifierOf(witnessSigner))}\nquorum w\n`;

export type Promised = {
  api: TestApi;
  /** A receipt and the leaf of the promise; `apiEvent` is the same event as the API answers with it. */
  receipt: string;
  leaf: string;
  apiEvent: string;
  cosigned: string;
  /** Of another event of the same log. */
  otherReceipt: string;
  close(): Promise<void>;
};

export async function promised(): Promise<Promised> {
  const api = await testApi();
  const { store, run } = api.ledger;
  await run("make-promise", {
    id: "prm_0000000000000001",
    account,
    promisor: novak,
    promisee: berg,
    kind: "visit",
    text: "I will stop by every two weeks, for an hour, without a briefcase.",
    terms: { type: "recurring", rrule: "FREQ=WEEKLY;INTERVAL=2", from: "2026-02-06", until: "2026-03-20" },
    matcher: { kinds: ["visit"], minMinutes: 60 },
  });
  for (let count = 0; count < 12; count += 1) await run("open-account", {});
  const tiles = memoryTiles();
  const keys = { signersAt: () => [logSigner], verifiers: () => [verifierOf(logSigner)] };
  const tree = new SignedTree({ log: store.log, tiles, heads: [memoryHeads()], keys, today: () => "2026-02-01" });
  await tree.open();
  const auditLog = inlineAuditLog(tree, tiles, keys);
  const [made] = store.log.readStream("promise-prm_0000000000000001");
  const [other] = store.log.readAll(0, 1);
  const receipt = await receiptOf(auditLog, made!);
  const [head, note] = [receipt.slice(0, receipt.indexOf("\n\n") + 2), receipt.slice(receipt.indexOf("\n\n") + 2)];
  const line = cosign(parseNote(note).text, witnessSigner, Date.parse("2026-02-01T10:00:00Z") / 1000).trimEnd();
  const { text } = await api.when("GET", `/v1/events/${made!.id}`);
  return {
    api,
    receipt,
    leaf: Buffer.from(made!.leaf).toString("utf8"),
    apiEvent: text,
    cosigned: head + withCosignatures(note, [{ line }]),
    otherReceipt: await receiptOf(auditLog, other!),
    close: () => api.close(),
  };
}

/** What somebody might hand over in place of a true proof, each with a word of the reason that must be told. */
export function forgeries({ receipt, leaf, otherReceipt }: Promised): [what: string, given: Forged, says: RegExp][] {
  const hashLine = /^[A-Za-z0-9+/]{43}=$/m.exec(receipt)![0];
  const flipped = toBase64(Uint8Array.from(Buffer.from(hashLine, "base64"), (byte, at) => (at === 5 ? byte ^ 1 : byte)));
  const [, size = ""] = /\n\ntroth\/main\n(\d+)\n/.exec(receipt)!;
  return [
    ["another number of minutes", { leaf: leaf.replace('"minMinutes":60', '"minMinutes":10') }, /not for this event/],
    ["another promisor", { leaf: leaf.replace(novak, "per_0000000000000009") }, /not for this event/],
    ["an earlier instant", { leaf: leaf.replace("2026-02-01T09", "2026-01-01T09") }, /not for this event/],
    ["the receipt of another event", { receipt: otherReceipt }, /not for this event/],
    ["a changed hash on the way", { receipt: receipt.replace(hashLine, flipped) }, /not for this event/],
    ["another place", { receipt: receipt.replace(/index \d+/, "index 1") }, /not for this event/],
    ["a missing hash", { receipt: receipt.replace(`${hashLine}\n`, "") }, /not for this event/],
    ["another size", { receipt: receipt.replace(`\n${size}\n`, `\n${Number(size) + 1}\n`) }, /not that of your key/],
    ["another root", { receipt: receipt.replace(/(\n\ntroth\/main\n\d+\n)[^\n]+/, `$1${hashLine}`) }, /not that of your key/],
    ["the key of somebody else of that name", { key: otherKeyText }, /Somebody else signed/],
    ["half a receipt", { receipt: receipt.slice(0, receipt.length / 2) }, /part of it is missing|damaged/],
    ["no receipt at all", { receipt: "I owe you a visit.\n" }, /no receipt/],
    ["no key", { key: "troth/main" }, /no key/],
  ];
}
export type Forged = { key?: string; receipt?: string; leaf?: string };
