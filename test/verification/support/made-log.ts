/** A log written leaf by leaf, each as a ledger would write it unless it is told otherwise, under a key of the log's own. */
import { leafHash } from "../../../src/audit/hashing.ts";
import { signerKey } from "../../../src/audit/verifier-key.ts";
import type { Auditor } from "../../../src/verification/auditor.ts";
import { CensusRecount } from "../../../src/verification/census-recount.ts";
import { bundleOf, headOf, type Leaf, leafOf, policyOf, type Told, told, toldIn, verified } from "./forgery.ts";

export const logKey = signerKey("troth/main", 0x01, new Uint8Array(32).fill(7));
export const account = "acc_0000000000000001";
export const rep = "per_0000000000000001";
export const buyer = "per_0000000000000002";
export const key = "key_0000000000000001";
export const promise = "prm_0000000000000001";
export const dueAt = "2026-02-01T00:00:00.000Z";

/** When it is recorded, the last instant where absent; and whatever else its envelope is to say. `undefined` takes a member away. */
type More = { at?: string } & Record<string, unknown>;

export class MadeLog {
  readonly leaves: Leaf[] = [];
  readonly #revisions = new Map<string, number>();
  at = "2026-01-01T00:00:00.000Z";

  add(type: string, stream: string, data: object, { at, ...more }: More = {}): this {
    if (at !== undefined) this.at = new Date(`${at}Z`).toISOString();
    const revision = (this.#revisions.get(stream) ?? -1) + 1;
    this.#revisions.set(stream, revision);
    const envelope: Told = {
      ...{ v: 1, id: `evt_${String(this.leaves.length).padStart(16, "0")}`, type, stream, revision },
      ...{ occurredAt: this.at, recordedAt: this.at, account, actor: { kind: "key", id: key } },
      ...{ correlation: "made", data, sealed: [], ...more },
    };
    this.leaves.push(leafOf(JSON.parse(JSON.stringify(envelope))));
    return this;
  }

  /** Something of another account: it says how late it is, and no more. */
  tick(at: string): this {
    const id = `acc_${String(1_000 + this.leaves.length).padStart(16, "0")}`;
    return this.add("AccountOpened", `account-${id}`, { tags: [], timeZone: "Europe/Berlin" }, { at, account: id });
  }

  corrected(at: string, data: object = {}): this {
    const logTime = new Date(`${at}Z`).toISOString();
    return this.add("ClockCorrected", "ledger", { logTime, ...data }, { at, account: undefined });
  }

  /** @param change makes it another than the true one. */
  census(change: object = {}): this {
    const recount = new CensusRecount(this.leaves.length);
    for (const leaf of this.leaves) recount.append(toldIn(leaf).account as string | undefined, leafHash(leaf));
    const treeSize = this.leaves.length;
    const { accounts, root } = recount.censusAt(treeSize)!;
    const data = { treeSize, accounts, root: Buffer.from(root).toString("base64"), ...change };
    return this.add("CensusTaken", "ledger", data, { account: undefined });
  }

  visited(startedAt: string, more: More = {}): this {
    const at = new Date(`${startedAt}Z`).toISOString();
    const what = { kind: "visit", purpose: "relationship", direction: "outbound", participants: [rep, buyer], tags: [] };
    return this.add(
      "InteractionRecorded",
      `interaction-int_${String(this.leaves.length).padStart(16, "0")}`,
      { account, ...what, startedAt: at },
      { occurredAt: at, ...more },
    );
  }

  /** What the keeper puts on record of the promise that a visit kept. */
  kept(visit: string, keptAt: string): this {
    const basis = { size: this.leaves.length, asOf: this.at, rule: 1, policy: 0 };
    const rule = { occurredAt: keptAt, actor: { kind: "rule", id: "assess-1" } };
    const what = {
      occurrence: 1,
      verdict: "kept",
      keptAt,
      latenessMs: 0,
      credit: 1,
      reason: "evidence",
      evidence: [visit],
      basis,
    };
    this.add("PromiseKept", `promise-${promise}`, what, rule);
    return this.add("PromiseConcluded", `promise-${promise}`, { counts: { kept: 1 }, basis }, rule);
  }

  /** What the keeper puts on record of the promise that nobody kept. */
  broken(): this {
    const basis = { size: this.leaves.length, asOf: this.at, rule: 1, policy: 0 };
    const rule = { occurredAt: dueAt, actor: { kind: "rule", id: "assess-1" } };
    const what = { occurrence: 1, reason: "deadline", brokenAt: dueAt, evidence: [], basis };
    this.add("PromiseBroken", `promise-${promise}`, what, rule);
    return this.add("PromiseConcluded", `promise-${promise}`, { counts: { broken: 1 }, basis }, rule);
  }
}

/** A ledger with an account, its people, and a visit promised for February the 1st. */
export function promisedVisit(): MadeLog {
  const none = { account: undefined };
  const terms = { type: "once", dueAt, graceMinutes: 0 };
  return new MadeLog()
    .add("LedgerOpened", "ledger", { ledger: "main", format: 1 }, { ...none, actor: { kind: "system", id: "init" } })
    .add(
      "KeyIssued",
      `key-${key}`,
      { label: "admin", scopes: ["record", "audit", "admin"], secretHash: "0".repeat(64) },
      { ...none, actor: { kind: "system", id: "init" } },
    )
    .add("AccountOpened", `account-${account}`, { tags: [], timeZone: "Europe/Berlin" })
    .add("PersonAdded", `person-${rep}`, {}, none)
    .add("PersonAdded", `person-${buyer}`, { account })
    .add(
      "PromiseMade",
      `promise-${promise}`,
      {
        ...{ account, promisor: rep, promisee: buyer, direction: "given", kind: "visit", weight: 1 },
        ...{ by: rep, asserted: true, needsAcceptance: false },
        offer: { matcher: { kinds: ["visit"] }, proof: "evidence", schedule: { occurrences: [{ dueAt }] }, terms },
      },
      { at: "2026-01-02T00:00" },
    );
}

/** @param cosignedAt when the witness of `forgery.ts` saw the head; nobody where absent. */
export async function outcomeOf(log: MadeLog, { cosignedAt, ...more }: Partial<Auditor> & { cosignedAt?: string } = {}) {
  const seconds = cosignedAt === undefined ? undefined : Math.floor(Date.parse(`${cosignedAt}Z`) / 1_000);
  const files = await bundleOf(log.leaves, logKey, { head: headOf(log.leaves, logKey, seconds) });
  const report = await verified(files, { policy: policyOf(logKey), ...more });
  return { ...told(report), notes: report.notes.map(({ kind }) => kind) };
}
