/** A log that is written leaf by leaf, as an operator who owns its key could: one account, two people, a promise due in February. */
import { Census, type CensusLine } from "../../../src/audit/census.ts";
import { leafHash } from "../../../src/audit/hashing.ts";
import { rootHash } from "../../../src/audit/merkle.ts";
import { signerKey } from "../../../src/audit/verifier-key.ts";
import { dossier } from "../../../src/bundling/dossier.ts";
import type { BundleSource } from "../../../src/bundling/source.ts";
import type { Auditor } from "../../../src/verification/auditor.ts";
import { type BundleFile, manifestText } from "../../../src/verification/bundle-format.ts";
import { bundleOf, filesOf, headOf, type Leaf, leafOf, policyOf, sourceOf, toldIn, verified } from "./forgery.ts";

export const key = signerKey("troth/main", 0x01, new Uint8Array(32).fill(7));
export const account = "acc_0000000000000001";
export const [rep, buyer] = ["per_0000000000000001", "per_0000000000000002"];
export const promised = "prm_0000000000000001";
export const rule = { kind: "rule", id: "assess-1" };
const operator = "key_0000000000000001";
const system = { kind: "system", id: "init" };

type More = { at?: string; occurredAt?: string; account?: string | undefined; actor?: object; sealed?: object[] };

export class SmallLog {
  readonly leaves: Leaf[] = [];
  readonly #revisions = new Map<string, number>();
  at = "2026-01-01T00:00:00.000Z";

  get size(): number {
    return this.leaves.length;
  }

  /** @returns the index of the leaf. @param more what differs from an event of the account, recorded by the operator now. */
  add(type: string, stream: string, data: object, { at, ...more }: More = {}): number {
    this.at = at === undefined ? this.at : iso(at);
    const revision = (this.#revisions.get(stream) ?? -1) + 1;
    this.#revisions.set(stream, revision);
    const id = `evt_${String(this.size + 1).padStart(16, "0")}`;
    const usual = { occurredAt: this.at, account, actor: { kind: "key", id: operator }, sealed: [] };
    const told = { v: 1, id, type, stream, revision, recordedAt: this.at, correlation: "c", data, ...usual, ...more };
    this.leaves.push(leafOf(JSON.parse(JSON.stringify(told))));
    return this.size - 1;
  }

  ledger(type: string, data: object, at?: string): number {
    const own = { LedgerOpened: system, CensusTaken: { kind: "clock", id: "daily" } }[type];
    const actor = own === undefined ? {} : { actor: own };
    return this.add(type, "ledger", data, { account: undefined, ...actor, ...(at === undefined ? {} : { at }) });
  }

  /** Something that concerns nobody here, so that time passes. */
  pass(at: string, number = this.size): number {
    const id = `acc_${String(number).padStart(16, "9")}`;
    return this.add("AccountOpened", `account-${id}`, { tags: [], timeZone: "Europe/Berlin" }, { at, account: id });
  }

  visit(startedAt: string, more: More = {}): number {
    const id = `int_${String(this.size).padStart(16, "0")}`;
    const data = {
      account,
      direction: "outbound",
      kind: "visit",
      startedAt: iso(startedAt),
      participants: [rep, buyer],
      tags: [],
    };
    return this.add(
      "InteractionRecorded",
      `interaction-${id}`,
      { ...data, purpose: "relationship" },
      { occurredAt: iso(startedAt), ...more },
    );
  }

  made(more: object = {}): number {
    const terms = { type: "once", dueAt: iso("2026-02-01"), graceMinutes: 0 };
    const offer = {
      matcher: { kinds: ["visit"] },
      proof: "evidence",
      schedule: { occurrences: [{ dueAt: terms.dueAt }] },
      terms,
    };
    const parties = { by: rep, promisor: rep, promisee: buyer, direction: "given", asserted: true, needsAcceptance: false };
    return this.add("PromiseMade", `promise-${promised}`, { account, kind: "visit", weight: 1, offer, ...parties, ...more });
  }

  /** The verdict that the promise was not kept. */
  broken(basis: object = {}): number {
    const data = {
      occurrence: 1,
      reason: "deadline",
      brokenAt: iso("2026-02-01"),
      evidence: [],
      basis: { ...this.basis(), ...basis },
    };
    return this.add("PromiseBroken", `promise-${promised}`, data, { occurredAt: data.brokenAt, actor: rule });
  }

  concluded(basis: object): number {
    const data = { counts: { broken: 1 }, basis };
    return this.add("PromiseConcluded", `promise-${promised}`, data, { occurredAt: iso("2026-02-01"), actor: rule });
  }

  /** Of the promise, as the keeper puts it on record. */
  settle(): void {
    const basis = this.basis();
    this.broken(basis);
    this.concluded(basis);
  }

  basis() {
    return { size: this.size, asOf: this.at, rule: 1, policy: 0 };
  }

  census(at?: string): number {
    const { lines, root } = new Census(linesOf(this.leaves));
    return this.ledger("CensusTaken", { treeSize: this.size, accounts: lines.length, root: root.toBase64() }, at);
  }
}

export const iso = (instant: string): string => new Date(instant).toISOString();

/** Opened on New Year's Day; the promise is made on the second. */
export function smallLog(promise: object | null = {}): SmallLog {
  const log = new SmallLog();
  log.ledger("LedgerOpened", { ledger: "main", format: 1 });
  log.add(
    "KeyIssued",
    `key-${operator}`,
    { label: "admin", scopes: ["record", "admin"], secretHash: "0".repeat(64) },
    { account: undefined, actor: system },
  );
  log.add("AccountOpened", `account-${account}`, { tags: [], timeZone: "Europe/Berlin" });
  log.add("PersonAdded", `person-${rep}`, {}, { account: undefined });
  log.add("PersonAdded", `person-${buyer}`, { account });
  log.at = iso("2026-01-02");
  if (promise !== null) log.made(promise);
  return log;
}

/** By the operator, of whatever leaves. */
export const reportOn = async ({ leaves }: SmallLog, more: Partial<Auditor> = {}, source: Partial<BundleSource> = {}) =>
  verified(await bundleOf(leaves, key, source), { policy: policyOf(key), ...more });

/** The dossier of the account, with its line in the census at that leaf, and without some leaves. */
export async function dossierOf(
  { leaves }: SmallLog,
  census: number | undefined,
  leftOut: readonly number[] = [],
): Promise<BundleFile[]> {
  const files = await filesOf(
    dossier({ ...sourceOf(leaves, headOf(leaves, key)), censusOf: () => proofIn(leaves, census) }, { account, since: [] }),
  );
  const gone = new Set(leftOut.flatMap((index) => [`leaf/${index}`, `receipt/${index}`]));
  return files
    .filter(({ path }) => !gone.has(path))
    .map((file) => (file.path === "manifest.json" ? { ...file, bytes: fewer(file.bytes, leftOut.length) } : file));
}

export const reportOnDossier = (files: readonly BundleFile[], more: Partial<Auditor> = {}) =>
  verified(files, { policy: policyOf(key), ...more });

function fewer(manifest: Uint8Array, count: number): Uint8Array {
  const told = toldIn(manifest);
  return Buffer.from(manifestText({ ...told, leaves: told.leaves - count }));
}

function proofIn(leaves: readonly Leaf[], index: number | undefined) {
  if (index === undefined) return undefined;
  const { treeSize } = toldIn(leaves[index]!).data;
  const census = new Census(linesOf(leaves.slice(0, treeSize)));
  return { ...census.proofOf(account)!, census: { position: index + 1, treeSize } };
}

function linesOf(leaves: readonly Leaf[]): CensusLine[] {
  const byAccount = Map.groupBy(leaves, (leaf) => toldIn(leaf).account as string | undefined);
  byAccount.delete(undefined);
  return [...byAccount].map(([one, its]) => ({ account: one!, events: its.length, root: rootHash(its.map(leafHash)) }));
}
