/** What a log tells about itself: breaks that the operator declared, changes of keys, and what witnesses saw. */
import { describe, expect, it } from "vitest";
import { signKeyRotation } from "../../src/audit/key-rotation.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { parsePolicy } from "../../src/audit/policy.ts";
import { cosign, signTreeHead, treeHeadText } from "../../src/audit/tree-head.ts";
import { formatVerifierKey, signerKey, type SignerKey, verifierOf } from "../../src/audit/verifier-key.ts";
import type { Instant } from "../../src/domain/values.ts";
import { headOf, told, witness } from "./support/forgery.ts";
import { buyer, iso, key, reportOn, smallLog, type SmallLog } from "./support/small-log.ts";

const lost = { lastKnownHead: { size: 900, root: Buffer.alloc(32, 3).toString("base64") } };
const headAt = (log: SmallLog, size: number) => ({
  since: [{ name: "kept.head", note: Buffer.from(headOf(log.leaves.slice(0, size), key).note) }],
});

describe("a break that the operator declared", () => {
  const log = smallLog();
  const at = log.ledger("LogResumed", lost);
  log.pass("2026-01-10");

  it("is nothing false, and not what had been signed", async () => {
    const { exitCode, checks, messages } = told(await reportOn(log));
    expect({ exitCode, checks }).toEqual({ exitCode: 3, checks: ["consistency"] });
    expect(messages).toContain("history was lost or replaced here, by the operator's own word");
  });

  it("is known to whoever kept a tree head from after it, and to nobody who kept one from before", async () => {
    const report = await reportOn(log, headAt(log, at + 1));
    expect(told(report)).toMatchObject({ exitCode: 0, messages: "" });
    expect(report.notes[0]).toMatchObject({ kind: "log-resumed", leaf: { index: at } });
    expect(told(await reportOn(log, headAt(log, at)))).toMatchObject({ exitCode: 3, checks: ["consistency"] });
  });

  it("is the first thing to be told, however many notes come before it", async () => {
    const flooded = smallLog();
    for (let count = 0; count < 205; count += 1) flooded.ledger("ClockCorrected", { logTime: flooded.at });
    const last = flooded.ledger("LogResumed", lost);
    const { notes, moreNotes } = await reportOn(flooded);
    expect(notes[0]).toMatchObject({ kind: "log-resumed", leaf: { index: last } });
    expect(notes.length + moreNotes).toBeGreaterThanOrEqual(206);
    expect(notes.length).toBeLessThan(206);
  });
});

describe("text of a person that is recorded after the erasure", () => {
  it("is told, and is withheld rather than erased", async () => {
    const log = smallLog();
    const sealed = [{ subject: buyer, field: "name", commitment: Buffer.alloc(32, 1).toString("base64") }];
    log.add("PersonChanged", `person-${buyer}`, {}, { sealed });
    const erased = log.ledger("SubjectErased", { subject: buyer });
    const again = log.add("PersonChanged", `person-${buyer}`, {}, { sealed });
    const { exitCode, notes, text } = await reportOn(log);
    expect({ exitCode, text }).toEqual({ exitCode: 0, text: { opened: 0, erased: 1, withheld: 1 } });
    const told = notes.filter(({ kind }) => kind === "subject-erased").map(({ leaf }) => leaf?.index);
    expect(told).toEqual([erased, again]);
  });
});

describe("a policy with several keys of the log's name", () => {
  const [next, stranger] = [9, 10].map((seed) => signerKey(key.name, 0x01, new Uint8Array(32).fill(seed))) as [
    SignerKey,
    SignerKey,
  ];
  const log = smallLog();
  const root = rootHash(log.leaves.map(leafHash)).toBase64();
  const oldKeyUntil = iso("2026-01-03") as Instant;
  log.ledger("LogKeyRotated", signKeyRotation({ treeHead: { size: log.size, root }, oldKeyUntil }, key, next));
  const outcomeOf = async (signer: SignerKey, ...trusted: SignerKey[]) => {
    const lines = trusted.map((one) => `log ${formatVerifierKey(verifierOf(one))}\n`);
    const head = headOf(log.leaves, key);
    const note = signTreeHead(head, [signer]);
    return told(await reportOn(log, { policy: parsePolicy(`${lines.join("")}quorum none\n`) }, { head: { ...head, note } }));
  };

  it("is enough where any of them is or was the log's", async () => {
    for (const trusted of [[key], [next], [key, next], [stranger, key], [stranger, next]])
      expect(await outcomeOf(next, ...trusted)).toMatchObject({ exitCode: 0, messages: "" });
  });

  it("is enough where an earlier release named a key for the command line that nobody had issued: both keys of the log have signed", async () => {
    const older = smallLog();
    const treeHead = { size: older.size, root: rootHash(older.leaves.map(leafHash)).toBase64() };
    const rotation = signKeyRotation({ treeHead, oldKeyUntil }, key, next);
    const actor = { kind: "key", id: "key_0000000000000000" };
    older.add("LogKeyRotated", "ledger", rotation, { account: undefined, actor });
    const head = headOf(older.leaves, key);
    const more = { policy: parsePolicy(`log ${formatVerifierKey(verifierOf(key))}\nquorum none\n`) };
    const report = await reportOn(older, more, { head: { ...head, note: signTreeHead(head, [next]) } });
    expect(told(report)).toMatchObject({ exitCode: 0, messages: "" });
  });

  it("is not where none of them is", async () => {
    const { exitCode, messages } = await outcomeOf(next, stranger);
    expect(exitCode).toBe(1);
    expect(messages).toContain("do not follow from any that you trust");
  });

  it("does not free the log from its present key", async () => {
    expect(await outcomeOf(key, stranger, key)).toMatchObject({ exitCode: 1, checks: ["head"] });
  });
});

describe("a witness's word on another log's tree head, on record here", () => {
  const anchoredAt = (recordedAt: string, cosignedAt: string) => {
    const log = smallLog();
    log.pass("2026-01-10");
    const seconds = Date.parse(iso(cosignedAt)) / 1000;
    const head = { origin: "troth/elsewhere", size: 7, root: new Uint8Array(32).fill(4) };
    const data = {
      ...{ origin: head.origin, size: head.size, root: head.root.toBase64(), cosignedAt: iso(cosignedAt) },
      ...{ witness: formatVerifierKey(verifierOf(witness)), cosignature: cosign(treeHeadText(head), witness, seconds).trimEnd() },
    };
    log.add("TreeHeadAnchored", "anchor-7", data, { at: recordedAt, account: undefined });
    return log;
  };

  it("does not date the leaves before it", async () => {
    expect(told(await reportOn(anchoredAt("2026-01-11", "2026-01-01T12:00:00Z")))).toMatchObject({ exitCode: 0, messages: "" });
  });

  it("dates the leaf that holds it", async () => {
    const { exitCode, messages } = told(await reportOn(anchoredAt("2026-01-11", "2026-01-12")));
    expect(exitCode).toBe(1);
    expect(messages).toContain("holds what a witness signed");
  });
});

it("no log changes its key more than a thousand times, so that heads are held against no more keys than that", async () => {
  const log = smallLog();
  const root = rootHash(log.leaves.map(leafHash)).toBase64();
  const next = signerKey(key.name, 0x01, new Uint8Array(32).fill(9));
  const rotation = signKeyRotation({ treeHead: { size: log.size, root }, oldKeyUntil: log.at as Instant }, key, next);
  for (let count = 0; count < 1_000; count += 1) log.ledger("LogKeyRotated", rotation);
  const tooMany = /changed more than 1000 times/;
  expect(told(await reportOn(log)).messages).not.toMatch(tooMany);
  const last = log.ledger("LogKeyRotated", rotation);
  const { exitCode, messages, leaf } = told(await reportOn(log));
  expect({ exitCode, leaf }).toEqual({ exitCode: 1, leaf: last });
  expect(messages).toMatch(tooMany);
});
