/** One account's evidence from a served ledger: what it proves by itself, and what it can't. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { leafHash } from "../../src/audit/hashing.ts";
import { parsePolicy } from "../../src/audit/policy.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { dossier } from "../../src/bundling/dossier.ts";
import { storyIds } from "../../src/cli/demo/story.ts";
import type { Auditor } from "../../src/verification/auditor.ts";
import { type BundleFile, manifestText, parseManifest } from "../../src/verification/bundle-format.ts";
import { filesInTar } from "../../src/verification/tar.ts";
import { removedAtEnd, scratchFolder, troth } from "../cli/support/troth.ts";
import { runningServer, type RunningServer } from "../support/server.ts";
import {
  bundleOf,
  changed,
  filesOf,
  headOf,
  indexOfType,
  keyIn,
  leavesIn,
  sourceOf,
  told,
  toldIn,
  verified,
} from "./support/forgery.ts";

const remove = removedAtEnd();
const { account, rep, buyer, abstention, visits } = storyIds;
let server: RunningServer;
let auditor: Auditor;
let data: string;

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${server.url}/v1/${path}`, { ...init, headers: { authorization: `Bearer ${server.secret}`, ...init.headers } });
async function post(path: string, body: object): Promise<Response> {
  const answer = await ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  // A machine that is busy with other specs may refuse at the door; nothing was recorded then.
  if (answer.status === 503) return post(path, body);
  expect(answer.status, await answer.clone().text()).toBeLessThan(300);
  return answer;
}
async function bundle(query: string): Promise<BundleFile[]> {
  const answer = await ask(`audit/bundle?${query}`);
  if (answer.status === 503) return bundle(query);
  expect(answer.status, query).toBe(200);
  return filesOf(filesInTar([new Uint8Array(await answer.arrayBuffer())]));
}
const outcomeOf = async (files: readonly BundleFile[], more: Partial<Auditor> = {}) => {
  const report = await verified(files, { ...auditor, ...more });
  return { ...told(report), report };
};

/** The files without some leaves, as if they had never been. */
function without(files: readonly BundleFile[], isLeftOut: (leaf: ReturnType<typeof toldIn>) => boolean): BundleFile[] {
  const gone = new Set(
    files
      .filter(({ path, bytes }) => path.startsWith("leaf/") && isLeftOut(toldIn(bytes)))
      .map(({ path }) => path.slice("leaf/".length)),
  );
  expect(gone.size).toBeGreaterThan(0);
  return files
    .filter(({ path }) => !gone.has(/([0-9]+)(\.ndjson)?$/.exec(path)?.[1] ?? "") || !/^(leaf|receipt|openings)\//.test(path))
    .map((file) => {
      const manifest = file.path === "manifest.json" ? parseManifest(file.bytes) : undefined;
      if (manifest?.kind !== "dossier") return file;
      return { ...file, bytes: Buffer.from(manifestText({ ...manifest, leaves: manifest.leaves - gone.size })) };
    });
}

const isBreach = (leaf: ReturnType<typeof toldIn>): boolean =>
  (leaf.type === "InteractionRecorded" && leaf.data.purpose === "sales" && leaf.data.tags.includes("forbidden")) ||
  (leaf.stream === `promise-${abstention}` &&
    (leaf.type === "PromiseBroken" || (leaf.type === "PromiseConcluded" && leaf.data.counts.broken)));

/** An act that the abstention forbids, and the keeper's word on it. */
async function sellInTheYearOfSilence(): Promise<void> {
  const [made] = ((await (await ask(`promises/${abstention}/history`)).json()) as { items: { occurredAt: string }[] }).items;
  const startedAt = new Date(Date.parse(made!.occurredAt) + 100 * 86_400_000).toISOString();
  await post("interactions", {
    ...{ account, kind: "visit", purpose: "sales", direction: "outbound", startedAt, minutes: 20 },
    ...{ participants: [rep, buyer], tags: ["forbidden"] },
  });
  await vi.waitFor(
    async () => expect(JSON.stringify(await (await ask(`promises/${abstention}/history`)).json())).toMatch(/"broken":1/),
    { timeout: 30_000, interval: 100 },
  );
}

beforeAll(async () => {
  data = join(scratchFolder(remove), "data");
  const { out, err, code } = await troth(["demo", "--data", data]);
  if (code !== 0) throw new Error(err);
  server = await runningServer(data, /troth_key_[0-9a-z]+_[\w-]+/.exec(out)![0]);
  // The thread that signs tells the key once it has started, which may take a while on a busy machine.
  await vi.waitFor(async () => expect((await ask("audit/key")).status).toBe(200), { timeout: 30_000, interval: 100 });
  auditor = { policy: parsePolicy(`log ${(await (await ask("audit/key")).text()).trim()}\nquorum none\n`) };
}, 120_000);
afterAll(async () => void (await server.stop()));

describe("a dossier before any census", () => {
  it("is sound, and shows nothing about what might be missing", async () => {
    const { exitCode, messages, report } = await outcomeOf(await bundle(`account=${account}`));
    expect({ exitCode, messages }, messages).toEqual({ exitCode: 3, messages: expect.stringContaining("no census") as string });
    expect(report.completeUpTo).toBeNull();
  });
});

describe("a dossier whose account was counted", () => {
  let before: BundleFile[];
  let countedAt: string;
  beforeAll(async () => {
    await post("audit/census", {});
    before = await bundle(`account=${account}&open=true`);
    countedAt = toldIn(before.find(({ bytes, path }) => path.startsWith("leaf/") && toldIn(bytes).type === "CensusTaken")!.bytes)
      .recordedAt as string;
  });

  it("verifies by itself: facts, verdicts, disclosed text, and that it is all of the account up to the census", async () => {
    const { exitCode, messages, report } = await outcomeOf(before, { asOf: countedAt as never });
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(report.bundle).toMatchObject({ kind: "dossier", account });
    expect(report.promises).toEqual(
      expect.arrayContaining([
        { promise: visits, verdicts: { kept: 25, "kept-late": 1 } },
        { promise: abstention, verdicts: { kept: 1 } },
      ]),
    );
    expect(report.completeUpTo).toBe(countedAt);
    expect(report.text).toMatchObject({ withheld: 0, erased: 0 });
    expect(report.text.opened).toBeGreaterThan(30);
  });

  it("holds leaves of no other account", async () => {
    await post("accounts", { id: "acc_0000000000000077" });
    await post("audit/census", {});
    const files = await bundle(`account=${account}`);
    const accounts = files
      .filter(({ path }) => path.startsWith("leaf/"))
      .map(({ bytes }) => toldIn(bytes).account as string | undefined);
    expect(new Set(accounts)).toEqual(new Set([account, undefined]));
    expect((await outcomeOf(files)).exitCode).toBe(0);
  });

  it("is noticed to be changed, whichever bit of whichever file was flipped", async () => {
    for (const [at, { path, bytes }] of before.entries()) {
      const flipped = new Uint8Array(bytes);
      flipped[Math.floor(bytes.length * 0.6)]! ^= 0x02;
      const { exitCode, messages } = await outcomeOf(before.with(at, { path, bytes: flipped }));
      expect({ path, exitCode }, messages).toEqual({ path, exitCode: 1 });
    }
  }, 60_000);

  it("goes on from a tree head that was kept, where the proof of that was asked for", async () => {
    const size = Number(Buffer.from(before[1]!.bytes).toString().split("\n")[1]);
    const kept = { since: [{ name: "kept.head", note: before[1]!.bytes }] };
    await post("accounts", {});
    expect(await outcomeOf(await bundle(`account=${account}&since=${size}`), kept)).toMatchObject({ exitCode: 0, messages: "" });
    const { exitCode, messages } = await outcomeOf(await bundle(`account=${account}`), kept);
    expect(exitCode).toBe(3);
    expect(messages).toContain(`since=${size}`);
  });

  it("of a promise is that of its account, and says so where the promise is missing", async () => {
    const files = await bundle(`promise=${visits}`);
    const { exitCode, report } = await outcomeOf(files);
    expect(exitCode).toBe(0);
    expect(report.promises).toEqual([{ promise: visits, verdicts: { kept: 25, "kept-late": 1 } }]);
  });

  it("shows a receipt that was kept to be of the very event", async () => {
    const { items } = (await (await ask(`promises/${visits}/history`)).json()) as { items: { id: string }[] };
    const receipt = Buffer.from(await (await ask(`events/${items[0]!.id}/receipt`)).arrayBuffer());
    const size = /\n([0-9]+)\n[^\n]+\n\n—/.exec(receipt.toString())![1];
    const files = await bundle(`account=${account}&since=${size}`);
    const leafAt = (index: number) => files.find(({ path }) => path === `leaf/${index}`)!.bytes;
    const index = Number(/index ([0-9]+)/.exec(receipt.toString())![1]);
    const kept = (leaf: Uint8Array) => ({ receipts: [{ name: "kept.receipt", receipt, leaf }] });
    expect(await outcomeOf(files, kept(leafAt(index)))).toMatchObject({ exitCode: 0, messages: "" });
    expect(await outcomeOf(files, kept(leafAt(index + 1) ?? leafAt(0)))).toMatchObject({ exitCode: 1, checks: ["receipts"] });
  });

  describe("and then a promise was broken", () => {
    let after: BundleFile[];
    beforeAll(async () => {
      await sellInTheYearOfSilence();
      after = await bundle(`account=${account}`);
    }, 60_000);

    it("tells of the breach, as younger than the census", async () => {
      const { exitCode, report } = await outcomeOf(after);
      expect(exitCode).toBe(0);
      expect(report.promises).toContainEqual({ promise: abstention, verdicts: { broken: 1 } });
      expect(report.notes.map(({ kind }) => kind)).toContain("not-covered");
    });

    it("can leave it out, and can't show that it left nothing out: it says up to when it is complete", async () => {
      const asOf = toldIn(after.findLast(({ path }) => path.startsWith("leaf/"))!.bytes).recordedAt as never;
      const { exitCode, messages, report } = await outcomeOf(without(after, isBreach), { asOf });
      expect({ exitCode }, messages).toEqual({ exitCode: 3 });
      expect(messages).toContain(`complete up to ${report.completeUpTo}`);
    });

    it("can't leave it out once the next census was taken", async () => {
      await post("audit/census", {});
      const files = await bundle(`account=${account}`);
      expect(await outcomeOf(files)).toMatchObject({ exitCode: 0, messages: "" });
      const { exitCode, messages } = await outcomeOf(without(files, isBreach));
      expect(exitCode).toBe(1);
      expect(messages).toMatch(/the census counts \d+ events of acc_\w+ among the first \d+ leaves, and the dossier shows \d+/);
    });

    it("can't put the older census in its place unnoticed by whoever asks for a date", async () => {
      const { exitCode } = await outcomeOf(without(before, ({ type }) => type === "OutcomeRecorded"));
      expect(exitCode).toBe(1);
      expect((await outcomeOf(before, { asOf: new Date().toISOString() as never })).exitCode).toBe(3);
    });
  });
});

describe("the whole log of the same ledger", () => {
  it("verifies with its censuses counted again, beside the earlier heads", async () => {
    const { exitCode, messages, report } = await outcomeOf(await bundle(""));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(report.checks.find(({ name }) => name === "verdicts")!.checked).toBeGreaterThanOrEqual(29 + 3);
  });

  it("does not verify with a false census, though the operator signs it", async () => {
    const leaves = leavesIn(await bundle(""));
    const key = keyIn(`${data}.keys`);
    const index = indexOfType(leaves, "CensusTaken");
    const root = rootHash(leaves.slice(0, 3).map(leafHash)).toBase64();
    for (const change of [{ root }, { accounts: 1_000 }, { treeSize: index - 3 }]) {
      const forged = changed(leaves, index, (leaf) => Object.assign(leaf.data, change));
      const outcome = await outcomeOf(await bundleOf(forged, key));
      expect(outcome).toMatchObject({ exitCode: 1, leaf: index, checks: ["verdicts"] });
      expect(outcome.messages).toContain("the census is false");
    }
  });

  it("does not verify where an event hides from the census by naming another account", async () => {
    const leaves = leavesIn(await bundle(""));
    const key = keyIn(`${data}.keys`);
    const index = indexOfType(leaves, "InteractionRecorded", isBreach);
    const hidden = changed(leaves, index, (leaf) => (leaf.account = "acc_0000000000000077"));
    const { exitCode, messages } = await outcomeOf(await bundleOf(hidden, key));
    expect(exitCode).toBe(1);
    expect(messages).toContain(`it concerns ${account}, and says that it concerns acc_0000000000000077`);
  });

  it("gives the same dossier to whoever makes it from the leaves", async () => {
    const leaves = leavesIn(await bundle(""));
    const source = sourceOf(leaves, headOf(leaves, keyIn(`${data}.keys`)));
    const made = await filesOf(dossier({ ...source, censusOf: () => undefined }, { account, since: [] }));
    expect((await outcomeOf(made)).exitCode).toBe(3);
  });
});

describe("after a person was erased", () => {
  let log: BundleFile[];
  beforeAll(async () => {
    await post(`subjects/${buyer}/erase`, {});
    await post("audit/census", {});
    log = await bundle("open=true");
  });

  it("every verdict is reached again, and the person's text is erased and not withheld", async () => {
    const { exitCode, messages, report } = await outcomeOf(log);
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(report.text.erased).toBeGreaterThan(0);
    expect(report.text.withheld).toBe(0);
    expect(report.checks.find(({ name }) => name === "verdicts")).toMatchObject({ status: "passed" });
    expect(report.notes.map(({ kind }) => kind)).toContain("subject-erased");
    const texts = log.map(({ bytes }) => Buffer.from(bytes).toString());
    expect(texts.filter((text) => text.includes("Lindqvist"))).toEqual([]);
  });

  it("the dossier of the account says the same", async () => {
    const { exitCode, messages, report } = await outcomeOf(await bundle(`account=${account}&open=true`));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(report.text.erased).toBeGreaterThan(0);
    expect(report.text.withheld).toBe(0);
    expect(report.promises).toContainEqual({ promise: visits, verdicts: { kept: 25, "kept-late": 1 } });
  });

  it("what was not disclosed is withheld where it could be opened, and erased where it could not", async () => {
    const { report } = await outcomeOf(await bundle(""));
    const { report: opened } = await outcomeOf(log);
    expect(report.text).toEqual({ opened: 0, erased: opened.text.erased, withheld: opened.text.opened });
  });

  it("text can't be called erased in a log without the erasure", async () => {
    const leaves = leavesIn(log);
    const index = indexOfType(leaves, "SubjectErased");
    const openings = log.filter(({ path }) => path.startsWith("openings/"));
    const forged = await bundleOf(leaves.slice(0, index), keyIn(`${data}.keys`));
    const entries = forged.findIndex(({ path }) => path.startsWith("tile/entries/"));
    const files = forged.toSpliced(entries + 1, 0, ...openings).map((one) => {
      const manifest = one.path === "manifest.json" ? parseManifest(one.bytes)! : undefined;
      return manifest === undefined ? one : { ...one, bytes: Buffer.from(manifestText({ ...manifest, openings: true })) };
    });
    const { exitCode, messages } = await outcomeOf(files);
    expect(exitCode).toBe(1);
    expect(messages).toContain(`text of ${buyer} is said to be erased`);
  });
});

describe("a bundle over HTTP", () => {
  const statusOf = async (secret: string, query: string) => {
    const answer = await fetch(`${server.url}/v1/audit/bundle?${query}`, { headers: { authorization: `Bearer ${secret}` } });
    return [answer.status, answer.ok ? "" : ((await answer.json()) as { code: string }).code];
  };
  const keyWith = async (...scopes: string[]) =>
    ((await (await post("keys", { label: "auditor", scopes })).json()) as { secret: string }).secret;

  it("needs the scope `audit`, and `personal` for text", async () => {
    const [audit, read, both] = [await keyWith("audit"), await keyWith("read"), await keyWith("audit", "personal")];
    expect(await statusOf(read, "")).toEqual([403, "scope-missing"]);
    expect(await statusOf(audit, "")).toEqual([200, ""]);
    expect(await statusOf(audit, "open=true")).toEqual([403, "scope-missing"]);
    expect(await statusOf(both, `account=${account}&open=true`)).toEqual([200, ""]);
  });

  it("writes every text that it discloses to the access log", async () => {
    const { items } = (await (await ask("access-log?limit=1000")).json()) as { items: { purpose: string; event: string }[] };
    const opened = new Set(items.filter(({ purpose }) => purpose === "bundle").map(({ event }) => event));
    const files = await bundle(`account=${account}&open=true`);
    const disclosed = files.filter(({ path }) => path.startsWith("openings/")).map(({ bytes }) => Buffer.from(bytes).toString());
    for (const [, event] of disclosed.join("").matchAll(/"event":"(evt_\w+)"/g)) expect(opened.has(event!)).toBe(true);
    expect(disclosed.length).toBeGreaterThan(20);
  });

  it.each([
    ["account=acc_0000000000000055", 404, "account-not-found"],
    ["promise=prm_0000000000000055", 404, "promise-not-found"],
    [`account=${account}&promise=${visits}`, 422, "validation-failed"],
    ["since=5", 422, "validation-failed"],
    ["account=x", 422, "validation-failed"],
    ["head=oldest", 422, "validation-failed"],
    ["head=cosigned", 404, "head-missing"],
  ])("refuses %s", async (query, status, code) => {
    expect(await statusOf(server.secret, query)).toEqual([status, code]);
  });
});
