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

const [, keyName, keyHex, keyBase64] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(block("key"))!;
const typedKey = Buffer.from(keyBase64!, "base64");
const keyId = sha256(`${keyName}\n`, typedKey).subarray(0, 4);
/** The fixed beginning of an Ed25519 public key in DER. @see RFC 8410 */
const ed25519Prefix = Buffer.from("302a300506032b6570032100", "hex");
const publicKey = createPublicKey({
  key: Buffer.concat([ed25519Prefix, typedKey.subarray(1)]),
  format: "der",
  type: "spki",
});

function openedHead(note: string): { size: number; root: Buffer } {
  const [text = "", signatureLine = ""] = note.split("\n\n");
  const [origin, size, root] = text.split("\n");
  const [dash, name, signature] = signatureLine.trimEnd().split(" ");
  const bytes = Buffer.from(signature!, "base64");
  expect([origin, dash, name]).toEqual([keyName, "—", keyName]);
  expect(bytes.subarray(0, 4)).toEqual(keyId);
  expect(verify(null, Buffer.from(`${text}\n`), publicKey, bytes.subarray(4))).toBe(true);
  return { size: Number(size), root: Buffer.from(root!, "base64") };
}

type Leaf = { id: string; stream: string; revision: number; recordedAt: string; type: string; sealed: object[]; data: object };
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
  it("has a key whose id follows from it", () => expect(keyId.toString("hex")).toBe(keyHex));

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
});
