/** What `troth verify` does, and the script that stands alone: reads, verifies, tells. Needs no server, no ledger and no secret. */
import { AuditError } from "../audit/errors.ts";
import { leafHash } from "../audit/hashing.ts";
import { verifyInclusion } from "../audit/merkle.ts";
import { parsePolicy } from "../audit/policy.ts";
import { parseReceipt } from "../audit/receipt.ts";
import { parseNote } from "../audit/signed-note.ts";
import { parseTreeHeadText } from "../audit/tree-head.ts";
import type { Instant } from "../domain/values.ts";
import type { Auditor, KeptReceipt, OnProgress } from "../verification/auditor.ts";
import { UnusableError } from "../verification/bundle-format.ts";
import type { Report, VerificationCode } from "../verification/report.ts";
import { verifyBundle } from "../verification/verify.ts";
import { bundleFrom, ownFile } from "./sources.ts";

export type VerifyOptions = {
  /** An archive, a folder, or `-` for the input. */
  bundle: string;
  policy: string;
  since?: readonly string[];
  receipt?: readonly string[];
  /** Events of the receipts, in any order. */
  leaf?: readonly string[];
  asOf?: string;
  lagMinutes?: number;
};

export type Verified = { code: VerificationCode; report?: Report; unusable?: string };

const policyBytesMax = 1_000_000;
const receiptBytesMax = 2_000_000;
const leafBytesMax = 65_535;

/** @param input where the bundle is `-`. */
export async function runVerification(
  options: VerifyOptions,
  input: AsyncIterable<Uint8Array>,
  onProgress: OnProgress,
): Promise<Verified> {
  try {
    const auditor = auditorOf(options);
    const report = await verifyBundle(bundleFrom(options.bundle, input), auditor, onProgress);
    return { code: report.exitCode, report };
  } catch (error) {
    if (error instanceof UnusableError) return { code: 2, unusable: error.message };
    if (error instanceof AuditError) return { code: 2, unusable: `${options.policy}: ${error.message}` };
    if (isSystemError(error)) return { code: 2, unusable: error.message };
    throw error;
  }
}

const isSystemError = (error: unknown): error is Error => error instanceof Error && "syscall" in error;

function auditorOf({ policy, since = [], receipt = [], leaf = [], asOf, lagMinutes }: VerifyOptions): Auditor {
  return {
    policy: parsePolicy(ownFile(policy, policyBytesMax)),
    since: since.map((name) => ({ name, note: ownFile(name, policyBytesMax) })),
    receipts: keptReceipts(receipt, leaf),
    now: new Date().toISOString() as Instant,
    ...(asOf === undefined ? {} : { asOf: instantIn(asOf) }),
    ...(lagMinutes === undefined ? {} : { lagMs: lagMinutes * 60_000 }),
  };
}

/** A leaf belongs to the receipt that leads from it to its head, whatever the order in which they are named. */
function keptReceipts(receiptNames: readonly string[], leafNames: readonly string[]): KeptReceipt[] {
  const kept = receiptNames.map((name): KeptReceipt => ({ name, receipt: ownFile(name, receiptBytesMax) }));
  for (const name of leafNames) {
    const leaf = ownFile(name, leafBytesMax);
    const its = kept.filter((one) => one.leaf === undefined && leadsFrom(leaf, one.receipt));
    const [own] = its.length === 0 && kept.length === 1 && leafNames.length === 1 ? kept : its;
    if (own === undefined)
      throw new UnusableError(`${name} is the event of none of the receipts that were given: give its own (--receipt)`);
    own.leaf = leaf;
  }
  return kept;
}

function leadsFrom(leaf: Uint8Array, receipt: Uint8Array): boolean {
  try {
    const { index, proof, note } = parseReceipt(receipt);
    const { size, root } = parseTreeHeadText(parseNote(note).text);
    return verifyInclusion(leafHash(leaf), index, size, proof, root);
  } catch (error) {
    if (error instanceof AuditError) return false;
    throw error;
  }
}

/** The 31st of February is no day, though a date parser takes it for the 3rd of March. */
function instantIn(text: string): Instant {
  const ms = Date.parse(text);
  const [, date] = /^(\d{4}-\d\d-\d\d)(?:T.*(?:Z|[+-]\d\d:\d\d))?$/.exec(text) ?? [];
  if (Number.isNaN(ms) || date === undefined || new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10) !== date)
    throw new UnusableError(`${text} is no instant with its zone, such as 2026-01-31T00:00:00Z`);
  return new Date(ms).toISOString() as Instant;
}
