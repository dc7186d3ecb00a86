/** What `troth verify` does, and the script that stands alone: reads, verifies, tells. Needs no server, no ledger and no secret. */
import { AuditError } from "../audit/errors.ts";
import { parsePolicy } from "../audit/policy.ts";
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
  /** Of the receipts, in their order. */
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
  if (leaf.length > receipt.length) throw new UnusableError("a leaf needs its receipt: give as many --receipt as --leaf");
  return {
    policy: parsePolicy(ownFile(policy, policyBytesMax)),
    since: since.map((name) => ({ name, note: ownFile(name, policyBytesMax) })),
    receipts: receipt.map((name, at) => keptReceipt(name, leaf[at])),
    ...(asOf === undefined ? {} : { asOf: instantIn(asOf) }),
    ...(lagMinutes === undefined ? {} : { lagMs: lagMinutes * 60_000 }),
  };
}

const keptReceipt = (name: string, leaf: string | undefined): KeptReceipt => ({
  name,
  receipt: ownFile(name, receiptBytesMax),
  ...(leaf === undefined ? {} : { leaf: ownFile(leaf, leafBytesMax) }),
});

function instantIn(text: string): Instant {
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || !/^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:\d\d))?$/.test(text))
    throw new UnusableError(`${text} is no instant with its zone, such as 2026-01-31T00:00:00Z`);
  return new Date(ms).toISOString() as Instant;
}
