/** docs/audit-by-hand.md, walked step by step over its own bytes with Node's crypto alone: no line of Troth takes part. */
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const page = readFileSync(join(import.meta.dirname, "../../docs/audit-by-hand.md"), "utf8");

/** The bytes of a marked block, without its last line feed. */
function block(name: string): string {
  const [, text] = new RegExp(`<!-- bytes: ${name} -->\n\`\`\`text\n([\\s\\S]*?)\n\`\`\``).exec(page) ?? [];
  if (text === undefined) throw new Error(`the page has no block ${name}`);
  return text;
}

const sha256 = (...parts: (Buffer | string)[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const leafHash = (leaf: string): Buffer => sha256(Buffer.from([0]), leaf);
const nodeHash = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.from([1]), left, right);

function rootOf(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 1) return hashes[0]!;
  const above: Buffer[] = [];
  for (let index = 0; index < hashes.length; index += 2)
    above.push(index + 1 < hashes.length ? nodeHash(hashes[index]!, hashes[index + 1]!) : hashes[index]!);
  return rootOf(above);
}

function climb(hash: Buffer, index: number, size: number, proof: readonly Buffer[]): Buffer {
  const rest = [...proof];
  for (let last = size - 1; last > 0; index = index >> 1, last = last >> 1) {
    if (index % 2 === 1) hash = nodeHash(rest.shift()!, hash);
    else if (index < last) hash = nodeHash(hash, rest.shift()!);
  }
  expect(rest).toEqual([]);
  return hash;
}

/** The fixed beginning of an Ed25519 public key in DER. @see RFC 8410 */
const ed25519Prefix = Buffer.from("302a300506032b6570032100", "hex");

function keyIn(line: string) {
  const [, name, hex, base64] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(line)!;
  const typed = Buffer.from(base64!, "base64");
  const id = sha256(`${name}\n`, typed).subarray(0, 4);
  const der = Buffer.concat([ed25519Prefix, typed.subarray(1)]);
  return { name: name!, hex: hex!, id, publicKey: createPublicKey({ key: der, format: "der", type: "spki" }) };
}
type Key = ReturnType<typeof keyIn>;
const key = keyIn(block("key"));

function requireSignature(line: string, text: string, { name, id, publicKey }: Key): void {
  const [dash, signer, signature] = line.split(" ");
  const bytes = Buffer.from(signature!, "base64");
  expect([dash, signer]).toEqual(["—", name]);
  expect(bytes.subarray(0, 4)).toEqual(id);
  expect(verify(null, Buffer.from(text), publicKey, bytes.subarray(4))).toBe(true);
}

/** @param signers one for each line of signature, in their order. */
function openedHead(note: string, signers = [key]): { size: number; root: Buffer } {
  const [text = "", signatureLines = ""] = note.split("\n\n");
  const [origin, size, root] = text.split("\n");
  expect(origin).toBe(key.name);
  const lines = signatureLines.trimEnd().split("\n");
  expect(lines).toHaveLength(signers.length);
  for (const [at, signer] of signers.entries()) requireSignature(lines[at]!, `${text}\n`, signer);
  return { size: Number(size), root: Buffer.from(root!, "base64") };
}

// What a leaf says is looked at member by member.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Data = any;
type Leaf = Record<"id" | "stream" | "type" | "recordedAt" | "occurredAt", string> & {
  revision: number;
  account?: string;
  actor: object;
  data: Data;
  sealed: object[];
};
const leaves = block("leaves").split("\n");
const events = leaves.map((leaf) => JSON.parse(leaf) as Leaf);
const hashes = leaves.map(leafHash);
const [proofLines = "", ...noteParts] = block("receipt").split("\n\n");
const head = openedHead(noteParts.join("\n\n"));

const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
};

describe("the log that docs/audit-by-hand.md shows", () => {
  it("has a key whose id follows from it", () => expect(key.id.toString("hex")).toBe(key.hex));

  it("has leaves in canonical form", () => expect(events.map(canonical)).toEqual(leaves));

  it("has streams without a gap, ids that come once, and instants that do not run backwards", () => {
    const next = new Map<string, number>();
    for (const { stream, revision } of events) {
      expect(revision).toBe(next.get(stream) ?? 0);
      next.set(stream, revision + 1);
    }
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    const recorded = events.map(({ recordedAt }) => recordedAt);
    expect(recorded).toEqual([...recorded].sort());
  });

  it("has the hashes that are listed", () =>
    expect(hashes.map((hash) => hash.toString("base64"))).toEqual(block("hashes").split("\n")));

  it("has the root that is signed", () => {
    expect(head.size).toBe(leaves.length);
    expect(rootOf(hashes)).toEqual(head.root);
  });

  it("has a receipt that leads from the verdict to that root", () => {
    const [version, indexLine = "", ...proof] = proofLines.split("\n");
    const index = Number(indexLine.slice("index ".length));
    expect([version, events[index]!.type]).toEqual(["c2sp.org/tlog-proof@v1", "PromiseKept"]);
    const siblings = proof.map((line) => Buffer.from(line, "base64"));
    expect(climb(hashes[index]!, index, head.size, siblings)).toEqual(head.root);
    expect(climb(hashes[index - 1]!, index, head.size, siblings)).not.toEqual(head.root);
  });

  it("goes on from the tree head that was kept", () => {
    const earlier = openedHead(block("earlier"));
    expect(rootOf(hashes.slice(0, earlier.size))).toEqual(earlier.root);
    expect(nodeHash(earlier.root, Buffer.from(block("consistency"), "base64"))).toEqual(head.root);
  });

  it("has the words that the commitment binds", () => {
    const [place = "", salt = "", text = ""] = block("opening").split("\n");
    const [id, field, subject] = place.split(" ");
    const commitment = sha256("troth/commit/v1\n", Buffer.from(salt, "base64"), text).toString("base64");
    expect(events.find((event) => event.id === id)!.sealed).toEqual([{ commitment, field, subject }]);
  });

  it("has the verdict that its basis gives", () => {
    const [made, visit, kept, concluded] = events.slice(4, 8) as [Leaf, Leaf, Leaf, Leaf];
    const { basis } = kept.data;
    expect(events.slice(basis.size, 6).filter(({ stream }) => stream === made.stream)).toEqual([]);
    const { offer, promisor, needsAcceptance } = made.data;
    const { dueAt, graceMinutes } = offer.terms;
    expect([needsAcceptance, graceMinutes, offer.schedule.occurrences, offer.proof]).toEqual([false, 0, [{ dueAt }], "evidence"]);
    expect(offer.matcher.kinds).toContain(visit.data.kind);
    expect(visit.data.minutes).toBeGreaterThanOrEqual(offer.matcher.minMinutes);
    expect(visit.data.participants).toContain(promisor);
    const { startedAt } = visit.data;
    expect([made.occurredAt, startedAt, dueAt].toSorted()).toEqual([made.occurredAt, startedAt, dueAt]);
    expect(visit.recordedAt < dueAt).toBe(true);
    const evidence = [visit.stream.slice("interaction-".length)];
    const verdict = { occurrence: 1, verdict: "kept", reason: "evidence", evidence, keptAt: startedAt, latenessMs: 0, credit: 1 };
    expect(kept).toMatchObject({ data: { ...verdict, basis }, occurredAt: startedAt, actor: { kind: "rule", id: "assess-1" } });
    expect(concluded).toMatchObject({ data: { counts: { kept: 1 }, basis }, occurredAt: startedAt });
  });
});

describe("what came later", () => {
  const later = block("later").split("\n");
  const [census, rotation] = later.map((leaf) => JSON.parse(leaf) as Leaf) as [Leaf, Leaf];
  const all = [...hashes, ...later.map(leafHash)];

  it("counts every event of the account", () => {
    const [line = "", other = ""] = block("census").split("\n");
    const { treeSize, accounts, root } = census.data;
    expect([treeSize, accounts]).toEqual([leaves.length, 2]);
    expect(nodeHash(leafHash(line), Buffer.from(other, "base64")).toString("base64")).toBe(root);
    const counted = JSON.parse(line);
    const own = events.flatMap((event, index) => (event.account === counted.account ? [index] : []));
    expect(own).toEqual([2, 4, 5, 6, 7, 8, 9]);
    expect(counted.events).toBe(own.length);
    expect(rootOf(own.map((index) => hashes[index]!)).toString("base64")).toBe(counted.root);
  });

  it("hands the log over to a new key, which signs from there on", () => {
    const { origin, oldKey, newKey, treeHead, oldKeyUntil, oldSignature, newSignature } = rotation.data;
    expect(oldKey).toBe(block("key"));
    const text = ["troth/log-key-rotation/v1", origin, oldKey, newKey, treeHead.size, treeHead.root, oldKeyUntil, ""].join("\n");
    const next = keyIn(newKey);
    requireSignature(oldSignature, text, key);
    requireSignature(newSignature, text, next);
    expect(rootOf(all.slice(0, treeHead.size)).toString("base64")).toBe(treeHead.root);
    const signed = openedHead(block("later-head"), [next, key]);
    expect(signed).toEqual({ size: 13, root: rootOf(all) });
  });
});
