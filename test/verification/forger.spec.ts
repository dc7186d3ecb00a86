/** What a forger may try on a real bundle of the founding story, and what each attempt comes to. */
import { beforeAll, describe, expect, it } from "vitest";
import { signKeyRotation } from "../../src/audit/key-rotation.ts";
import { formatVerifierKey, verifierOf } from "../../src/audit/verifier-key.ts";
import type { Auditor } from "../../src/verification/auditor.ts";
import type { BundleFile } from "../../src/verification/bundle-format.ts";
import { removedAtEnd, scratchFolder } from "../cli/support/troth.ts";
import {
  bundleOf,
  changed,
  headOf,
  indexOfType,
  type Leaf,
  leafOf,
  policyOf,
  strangersKey,
  type Told,
  told,
  toldIn,
  verified,
  witness,
} from "./support/forgery.ts";
import { type Evidence, storyIn } from "./support/story.ts";

const remove = removedAtEnd();
let story: Evidence;
let auditor: Auditor;
beforeAll(async () => {
  story = await storyIn(scratchFolder(remove));
  auditor = { policy: policyOf(story.key) };
}, 120_000);

/** The forger has every leaf, and hashes everything again under the log's own key: as an operator could. */
const resigned = (leaves: readonly Leaf[]) => bundleOf(leaves, story.key);
const outcomeOf = async (files: readonly BundleFile[], more: Partial<Auditor> = {}) =>
  told(await verified(files, { ...auditor, ...more }));

describe("the evidence as it is", () => {
  it("verifies, with every check made and every verdict reached again", async () => {
    const report = await verified(story.files, auditor);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ exitCode: 0, outcome: "verified", firstBadLeaf: null });
    const counts = Object.fromEntries(report.checks.map(({ name, checked }) => [name, checked]));
    expect(counts).toMatchObject({ leaves: story.leaves.length, record: story.leaves.length });
    expect(counts["verdicts"]).toBeGreaterThanOrEqual(29);
    expect(report.text).toMatchObject({ erased: 0, withheld: 0 });
    expect(report.text.opened).toBeGreaterThan(30);
    expect(report.completeUpTo).toBe(toldIn(story.leaves.at(-1)!).recordedAt);
  });

  it("is the same when it is made again from its own leaves", async () => {
    expect(await outcomeOf(await resigned(story.leaves))).toMatchObject({ exitCode: 0, messages: "" });
  });
});

describe("a bit that is flipped", () => {
  it("in any file of the bundle is noticed, wherever it stands", async () => {
    for (const [at, { path, bytes }] of story.files.entries()) {
      // Near its beginning, in the middle and at its end.
      for (const place of [0.01, 0.5, 0.999]) {
        const flipped = bytes.slice();
        flipped[Math.floor(bytes.length * place)]! ^= 0x04;
        const { exitCode, messages } = await outcomeOf(story.files.with(at, { path, bytes: flipped }));
        expect({ path, place, exitCode }, messages).toEqual({ path, place, exitCode: 1 });
      }
    }
  }, 60_000);

  it("in a leaf is traced to that leaf", async () => {
    const at = story.files.findIndex(({ path }) => path.startsWith("tile/entries/"));
    const index = 40;
    const begin = story.leaves.slice(0, index).reduce((sum, leaf) => sum + 2 + leaf.length, 2);
    const bytes = story.files[at]!.bytes.slice();
    const id = Buffer.from(bytes).indexOf("evt_", begin);
    bytes[id + 6]! ^= 0x01;
    const { exitCode, leaf, messages } = await outcomeOf(story.files.with(at, { path: story.files[at]!.path, bytes }));
    expect({ exitCode, leaf }).toEqual({ exitCode: 1, leaf: index });
    expect(messages).toContain("its hash is not the one in its tile");
  });
});

describe("leaves that are dropped, swapped, repeated or slipped in", () => {
  const rows: [name: string, forge: (leaves: Leaf[]) => Leaf[], leaf: number][] = [
    ["dropped", (leaves) => leaves.toSpliced(50, 1), 50],
    ["swapped", (leaves) => leaves.with(50, leaves[51]!).with(51, leaves[50]!), 50],
    ["repeated", (leaves) => leaves.toSpliced(51, 0, leaves[50]!), 51],
    ["slipped in", (leaves) => leaves.toSpliced(51, 0, again(leaves[50]!)), 51],
  ];
  const again = (leaf: Leaf): Leaf => {
    const copy = toldIn(leaf);
    return leafOf({ ...copy, id: "evt_0000000000000066" });
  };

  it.each(rows)("a leaf %s and hashed into the files, under the head that was signed", async (_, forge) => {
    const forged = await resigned(forge([...story.leaves]));
    const files = forged.map((file) =>
      file.path === "checkpoint" ? story.files.find(({ path }) => path === "checkpoint")! : file,
    );
    const { exitCode, checks } = await outcomeOf(files);
    expect(exitCode).toBe(1);
    expect(checks.some((check) => check === "leaves" || check === "head")).toBe(true);
  });

  it.each(rows)("a leaf %s, and everything signed again by the operator, held against a kept head", async (_, forge) => {
    const { exitCode, checks } = await outcomeOf(await resigned(forge([...story.leaves])), { since: [kept()] });
    expect(exitCode).toBe(1);
    expect(checks).toContain("consistency");
  });

  it.each(rows.filter(([name]) => name !== "dropped" && name !== "swapped"))(
    "a leaf %s by the operator shows by itself: %s",
    async (_, forge, leaf) => {
      expect(await outcomeOf(await resigned(forge([...story.leaves])))).toMatchObject({ exitCode: 1, leaf });
    },
  );

  it("a word on a promise dropped by the operator leaves a gap in its stream", async () => {
    const index = indexOfType(story.leaves, "ChangeAccepted");
    const { exitCode, messages } = await outcomeOf(await resigned(story.leaves.toSpliced(index, 1)));
    expect(exitCode).toBe(1);
    expect(messages).toMatch(/it has revision \d+ of its stream, where \d+ must follow/);
  });
});

const kept = () => ({ name: "kept.head", note: Buffer.from(headOf(story.leaves, story.key).note) });

const lies: [what: string, type: string, change: (told: Told) => void, where?: (told: Told) => boolean][] = [
  [
    "a verdict",
    "PromiseKept",
    (told) => Object.assign(told.data, { verdict: "kept", latenessMs: 0, credit: 1 }),
    (told) => told.data.verdict === "kept-late",
  ],
  [
    "a date",
    "InteractionRecorded",
    (told) => (told.data.startedAt = "2020-01-01T10:00:00.000Z"),
    (told) => told.data.tags.includes("no-briefcase"),
  ],
  ["a term", "PromiseMade", (told) => (told.data.offer.matcher.minMinutes = 120), (told) => told.data.kind === "visit"],
];

describe.each(lies)("%s that is changed", (_, type, change, where) => {
  const forged = () => changed(story.leaves, indexOfType(story.leaves, type, where), change);

  it("and hashed again under another key is signed by nobody whom the auditor trusts", async () => {
    const { exitCode, checks, messages } = await outcomeOf(await bundleOf(forged(), strangersKey(story.key.name)));
    expect(exitCode).toBe(1);
    expect(checks).toContain("head");
    expect(messages).toContain("no trusted key");
  });

  it("and signed again under the log's own key is contradicted by the verdicts that follow from it", async () => {
    const { exitCode, checks, messages } = await outcomeOf(await resigned(forged()));
    expect({ exitCode, checks }).toEqual({ exitCode: 1, checks: ["verdicts"] });
    expect(messages).toContain("does not follow: at its basis the facts give");
  });

  it("and signed again under the log's own key does not have the head that the auditor kept", async () => {
    const { exitCode, messages } = await outcomeOf(await resigned(forged()), { since: [kept()] });
    expect(exitCode).toBe(1);
    expect(messages).toContain("history was changed");
  });
});

describe("a history signed by the right key, held against a tree head that was kept", () => {
  it("is refused where it is shorter", async () => {
    const { exitCode, messages } = await outcomeOf(await resigned(story.leaves.slice(0, 60)), { since: [kept()] });
    expect(exitCode).toBe(1);
    expect(messages).toContain("cut short");
  });

  it("is refused where it was signed before, and is older", async () => {
    const older = story.leaves.slice(0, 70);
    const { exitCode, checks } = await outcomeOf(await bundleOf(older, story.key), { since: [kept()] });
    expect({ exitCode, checks }).toEqual({ exitCode: 1, checks: ["consistency"] });
  });

  it("is refused where it diverges, though it is longer", async () => {
    const before = story.leaves.slice(0, 30);
    const other = [
      ...before,
      ...changed(story.leaves, 30, (told) => (told.correlation = "other")).slice(30),
      another(story.leaves),
    ];
    const { exitCode, messages } = await outcomeOf(await resigned(other), { since: [kept()] });
    expect(exitCode).toBe(1);
    expect(messages).toContain("history was changed");
  });

  it("is taken where it goes on from it", async () => {
    const { exitCode, messages } = await outcomeOf(await resigned([...story.leaves, another(story.leaves)]), { since: [kept()] });
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
  });

  it("is refused a head that another log signed, or nobody", async () => {
    const foreign = { name: "kept.head", note: Buffer.from(headOf(story.leaves, strangersKey("troth/other")).note) };
    expect(await outcomeOf(story.files, { since: [foreign] })).toMatchObject({ exitCode: 1, checks: ["consistency"] });
    const nobodys = { name: "kept.head", note: Buffer.from(headOf(story.leaves, strangersKey(story.key.name)).note) };
    expect(await outcomeOf(story.files, { since: [nobodys] })).toMatchObject({ exitCode: 1, checks: ["consistency"] });
  });
});

/** One more event: a new account, recorded when the last leaf was, or some milliseconds later. */
function another(leaves: readonly Leaf[], laterMs = 0, id = "acc_0000000000000099"): Leaf {
  const last = toldIn(leaves.at(-1)!);
  const recordedAt = new Date(Date.parse(last.recordedAt as string) + laterMs).toISOString();
  const opened = toldIn(story.leaves[indexOfType(story.leaves, "AccountOpened")]!);
  return leafOf({
    ...opened,
    ...{ id: `evt_${id.slice(4)}`, stream: `account-${id}`, account: id, recordedAt, occurredAt: recordedAt, sealed: [] },
  });
}

describe("text that is disclosed", () => {
  const openings = () => story.files.findIndex(({ path }) => path.startsWith("openings/"));
  const withLines = (change: (lines: string[]) => string[]): BundleFile[] => {
    const { path, bytes } = story.files[openings()]!;
    const lines = Buffer.from(bytes).toString().trimEnd().split("\n");
    return story.files.with(openings(), { path, bytes: Buffer.from(`${change(lines).join("\n")}\n`) });
  };
  const otherwise = (line: string, change: object): string => JSON.stringify({ ...(JSON.parse(line) as object), ...change });

  it("is refused where it was changed", async () => {
    const { exitCode, messages } = await outcomeOf(
      withLines(([first, ...rest]) => [otherwise(first!, { value: "Another name" }), ...rest]),
    );
    expect(exitCode).toBe(1);
    expect(messages).toContain("not what the leaf commits to");
  });

  it("is withheld where it is left out, and no more is wrong", async () => {
    const report = await verified(
      withLines((lines) => lines.slice(3)),
      auditor,
    );
    expect(report).toMatchObject({ exitCode: 0, text: { withheld: 3, erased: 0 } });
    expect(report.notes.map(({ kind }) => kind)).toContain("text-withheld");
  });

  it("can't be called erased where nothing in the log erases it", async () => {
    const claim = (line: string) => {
      const { event, field, subject } = JSON.parse(line) as Record<string, string>;
      return JSON.stringify({ erased: true, event, field, subject });
    };
    const { exitCode, messages } = await outcomeOf(withLines(([first, ...rest]) => [claim(first!), ...rest]));
    expect(exitCode).toBe(1);
    expect(messages).toContain("no SubjectErased after it says so");
  });

  it("can't be given for an event that seals no such text, nor twice", async () => {
    expect(await outcomeOf(withLines((lines) => [...lines, lines[0]!]))).toMatchObject({ exitCode: 1, checks: ["openings"] });
    const moved = await outcomeOf(
      withLines(([first, ...rest]) => [otherwise(first!, { subject: "per_9999999999999999" }), ...rest]),
    );
    expect(moved).toMatchObject({ exitCode: 1, checks: ["openings"] });
  });
});

describe("times of recording, between the signatures of a witness", () => {
  const hourMs = 3_600_000;
  const lastMs = () => Date.parse(toldIn(story.leaves.at(-1)!).recordedAt as string);
  /** The story, the anchor of its head, and one event more. */
  function anchored(cosignedMs: number, anchorLaterMs: number, nextLaterMs: number): Leaf[] {
    const seconds = Math.floor(cosignedMs / 1000);
    const { size, root, origin, note } = headOf(story.leaves, story.key, seconds);
    const data = {
      ...{ origin, size, root: Buffer.from(root).toString("base64"), witness: formatVerifierKey(verifierOf(witness)) },
      cosignedAt: new Date(seconds * 1000).toISOString(),
      cosignature: note.trimEnd().split("\n").at(-1),
    };
    const anchor = toldIn(another(story.leaves, anchorLaterMs));
    const leaf = leafOf({ ...anchor, account: undefined, type: "TreeHeadAnchored", stream: `anchor-${size}`, data });
    const leaves = [...story.leaves, leaf];
    return [...leaves, another(leaves, nextLaterMs, "acc_0000000000000098")];
  }

  it("are taken where they lie between them", async () => {
    const { exitCode, messages } = await outcomeOf(await resigned(anchored(lastMs() + hourMs, hourMs + 2_000, 1_000)));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
  });

  it("are refused where an event behind the anchor is dated before it", async () => {
    const { exitCode, messages, leaf } = await outcomeOf(await resigned(anchored(lastMs() + hourMs, 1_000, 1_000)));
    expect({ exitCode, leaf }).toEqual({ exitCode: 1, leaf: story.leaves.length });
    expect(messages).toMatch(/holds what a witness signed[^]*though it stands after what a witness signed/);
  });

  it("are refused where an event under the anchor is dated after it", async () => {
    const { exitCode, messages } = await outcomeOf(await resigned(anchored(lastMs() - hourMs, 0, 1_000)));
    expect(exitCode).toBe(1);
    expect(messages).toContain("a witness had seen them at");
  });

  it("are refused where they run backwards", async () => {
    const backwards = [...story.leaves, another(story.leaves, -hourMs)];
    const { exitCode, leaf } = await outcomeOf(await resigned(backwards));
    expect({ exitCode, leaf }).toEqual({ exitCode: 1, leaf: story.leaves.length });
  });

  it("may differ by as much as clocks do", async () => {
    expect(await outcomeOf(await resigned([...story.leaves, another(story.leaves, -4_000)]))).toMatchObject({ exitCode: 0 });
  });

  it("are not bounded by the cosignature of a head that the log does not have", async () => {
    const forged = anchored(lastMs() + hourMs, hourMs + 2_000, 1_000);
    const other = changed(forged, forged.length - 2, (told) => (told.data.root = Buffer.alloc(32, 1).toString("base64")));
    const { exitCode, messages } = await outcomeOf(await resigned(other));
    expect(exitCode).toBe(1);
    expect(messages).toContain("a tree head of 75 leaves that this log does not have".replace("75", String(story.leaves.length)));
  });
});

describe("what the log tells about itself", () => {
  const onLedger = (type: string, data: object): Leaf => {
    const revision = story.leaves.map(toldIn).filter(({ stream }) => stream === "ledger").length;
    const { account: _, ...rest } = toldIn(another(story.leaves));
    return leafOf({ ...rest, type, stream: "ledger", revision, data });
  };

  it("a break that the operator declared is told, and leaves the evidence incomplete", async () => {
    const lastKnownHead = { size: 90, root: Buffer.alloc(32, 1).toString("base64") };
    const report = await verified(await resigned([...story.leaves, onLedger("LogResumed", { lastKnownHead })]), auditor);
    expect(report.exitCode).toBe(3);
    expect(report.notes).toContainEqual(expect.objectContaining({ kind: "log-resumed" }));
  });

  it("a key that was handed over may sign, and the old one alone may not", async () => {
    const next = strangersKey(story.key.name);
    const { size, root } = headOf(story.leaves, story.key);
    const treeHead = { size, root: Buffer.from(root).toString("base64") };
    const rotation = signKeyRotation({ treeHead, oldKeyUntil: "2099-01-01T00:00:00.000Z" }, story.key, next);
    const leaves = [...story.leaves, onLedger("LogKeyRotated", rotation)];
    const report = await verified(await bundleOf(leaves, next), auditor);
    expect({ exitCode: report.exitCode, findings: report.findings }).toEqual({ exitCode: 0, findings: [] });
    expect(report.notes).toContainEqual(expect.objectContaining({ kind: "log-key-rotated" }));
    expect(await outcomeOf(await bundleOf(leaves, story.key))).toMatchObject({ exitCode: 1, checks: ["head"] });
  });

  it("a key that nobody handed over may not", async () => {
    const next = strangersKey(story.key.name);
    const { size, root } = headOf(story.leaves, story.key);
    const treeHead = { size, root: Buffer.from(root).toString("base64") };
    const rotation = signKeyRotation({ treeHead, oldKeyUntil: "2099-01-01T00:00:00.000Z" }, story.key, next);
    const forged = { ...rotation, oldSignature: rotation.newSignature };
    const leaves = [...story.leaves, onLedger("LogKeyRotated", forged)];
    expect((await outcomeOf(await bundleOf(leaves, next))).exitCode).toBe(1);
  });
});

describe("a quorum", () => {
  it("that nobody met is said to be missing, and nothing worse", async () => {
    expect(await outcomeOf(story.files, { policy: policyOf(story.key, "w") })).toMatchObject({ exitCode: 3, checks: ["head"] });
  });

  it("that is met by a witness's cosignature verifies", async () => {
    const seconds = Math.floor(Date.now() / 1000) + 10;
    const files = await bundleOf(story.leaves, story.key, { head: headOf(story.leaves, story.key, seconds) });
    expect(await outcomeOf(files, { policy: policyOf(story.key, "w") })).toMatchObject({ exitCode: 0, messages: "" });
  });
});

describe("evidence that ends before what was asked for", () => {
  it("is sound, and says up to when it is complete", async () => {
    const upTo = toldIn(story.leaves.at(-1)!).recordedAt as string;
    const { exitCode, messages } = await outcomeOf(story.files, { asOf: "2099-01-01T00:00:00.000Z" as never });
    expect(exitCode).toBe(3);
    expect(messages).toContain(upTo);
  });
});
