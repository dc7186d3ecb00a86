/** A log of whatever events a forger tells, signed by the log's own key: what an operator who owns it can bring about. */
import { signerKey } from "../../../src/audit/verifier-key.ts";
import { bundleOf, type Leaf, leafOf, policyOf, told, verified } from "./forgery.ts";

export const logKey = signerKey("troth/main", 0x01, new Uint8Array(32).fill(7));
export const account = "acc_0000000000000001";
export const otherAccount = "acc_0000000000000002";
export const [promisor, promisee, stranger] = ["per_0000000000000001", "per_0000000000000002", "per_0000000000000003"];
export const promise = "prm_0000000000000001";
export const recording = "rec_0000000000000001";
export const interaction = "int_0000000000000001";
/** Of the house, with every scope; of the promisor and of the promisee, each for that party alone. */
export const [houseKey, promisorsKey, promiseesKey] = ["key_0000000000000001", "key_0000000000000002", "key_0000000000000003"];

export class ToldLog {
  readonly leaves: Leaf[] = [];
  readonly #revisions = new Map<string, number>();
  #now = "2026-01-01T00:00:00.000Z";

  get size(): number {
    return this.leaves.length;
  }
  get now(): string {
    return this.#now;
  }

  /** Whatever comes is recorded then. */
  at(time: string): this {
    this.#now = new Date(`${time.includes("T") ? time : `${time}T00:00`}Z`).toISOString();
    return this;
  }

  /** @param more members of the envelope; undefined leaves one out. */
  add(type: string, stream: string, data: object, more: object = {}): this {
    const revision = (this.#revisions.get(stream) ?? -1) + 1;
    this.#revisions.set(stream, revision);
    const envelope = {
      v: 1,
      id: `evt_${String(this.size + 1).padStart(16, "0")}`,
      ...{ type, stream, revision, data },
      occurredAt: this.#now,
      recordedAt: this.#now,
      actor: { kind: "key", id: houseKey },
      correlation: "told",
      sealed: [],
      ...(/^(account|interaction|promise|agreement|outcome)-/.test(stream) ? { account } : {}),
      ...more,
    };
    this.leaves.push(leafOf(envelope));
    return this;
  }

  onPromise(type: string, data: object, more: object = {}): this {
    return this.add(type, `promise-${promise}`, data, more);
  }

  onLedger(type: string, data: object, more: object = {}): this {
    return this.add(type, "ledger", data, more);
  }

  /** An account more, so that log time goes on. */
  goesOnTo(time: string): this {
    const id = `acc_${String(this.size).padStart(16, "9")}`;
    return this.at(time).add("AccountOpened", `account-${id}`, { tags: [], timeZone: "Europe/Berlin" }, { account: id });
  }

  async outcome() {
    const report = await verified(await bundleOf(this.leaves, logKey), { policy: policyOf(logKey) });
    return { ...told(report), notes: report.notes.map(({ kind, message }) => `${kind}: ${message}`).join("\n") };
  }
}

export const byRule = { actor: { kind: "rule", id: "assess-1" } };
export const system = { actor: { kind: "system", id: "init" } };

/** Ledger, keys, account and people; nothing was promised yet. */
export function opened(): ToldLog {
  const key = (id: string, data: object) => [`key-${id}`, { label: "key", secretHash: "0".repeat(64), ...data }] as const;
  const every = { scopes: ["record", "read", "personal", "arbitrate", "audit", "admin"] };
  return new ToldLog()
    .onLedger("LedgerOpened", { ledger: "main", format: 1 }, system)
    .add("KeyIssued", ...key(houseKey, every), system)
    .add("AccountOpened", `account-${account}`, { tags: [], timeZone: "Europe/Berlin" })
    .add("PersonAdded", `person-${promisor}`, {})
    .add("PersonAdded", `person-${promisee}`, { account }, { account })
    .add("KeyIssued", ...key(promisorsKey, { scopes: ["record"], party: promisor }), system)
    .add("KeyIssued", ...key(promiseesKey, { scopes: ["record"], party: promisee }), system);
}

export const due = "2026-02-01T00:00:00.000Z";
export const once = {
  matcher: { kinds: ["visit"] },
  proof: "evidence",
  schedule: { occurrences: [{ dueAt: due }] },
  terms: { type: "once", dueAt: due, graceMinutes: 0 },
};

export const promised = (more: object = {}) => ({
  ...{ account, promisor, promisee, direction: "given", kind: "visit", weight: 1, needsAcceptance: false, offer: once },
  ...{ by: promisor, asserted: true },
  ...more,
});

/** A promise of a visit by February, made on 2 January. */
export const withPromise = (more: object = {}): ToldLog => opened().at("2026-01-02").onPromise("PromiseMade", promised(more));

const basisOf = ({ size, now }: ToldLog, more: object = {}) => ({ size, asOf: now, rule: 1, policy: 0, ...more });

export function broken(log: ToldLog): ToldLog {
  const data = { occurrence: 1, reason: "deadline", brokenAt: due, evidence: [], basis: basisOf(log) };
  return log.onPromise("PromiseBroken", data, { ...byRule, occurredAt: due });
}

export const concluded = (log: ToldLog, counts: object, at = due): ToldLog =>
  log.onPromise("PromiseConcluded", { counts, basis: basisOf(log) }, { ...byRule, occurredAt: at });

/** As the key of a party records it, and as the house's key says it for a party. */
export const own = (party: string, key: string) => ({ actor: { kind: "key", id: key, onBehalfOf: party } });
