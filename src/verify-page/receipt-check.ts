/** A receipt checked step by step, in words for whoever was handed one. Each step needs those before it. */
import { equalBytes } from "../audit/encoding.ts";
import { AuditError } from "../audit/errors.ts";
import { leafHash } from "../audit/hashing.ts";
import { inclusionPath, type PathStep } from "../audit/merkle.ts";
import { openUnderPolicy, type Policy, type Quorum } from "../audit/policy.ts";
import { parseReceipt, type Receipt } from "../audit/receipt.ts";
import type { OpenedTreeHead } from "../audit/tree-head.ts";
import { NoSignatureCheckError } from "./browser/signature.ts";
import { eventIn, type GivenEvent, linesOf, policyIn } from "./reading.ts";

export type Given = { key: string; receipt: string; event: string };

export type Step = { name: string; state: "passed" | "failed" | "unmet" | "open"; says: string };

export type ReceiptOutcome = {
  /** `waiting`: not everything is there yet. `unable`: the browser can't check. `unwitnessed`: sound, and too few witnesses. */
  state: "waiting" | "proved" | "unwitnessed" | "refuted" | "unable";
  headline: string;
  steps: Step[];
  /** The way up, as far as it could be followed. */
  path?: { leafHash: Uint8Array; index: number; size: number; steps: PathStep[]; root: Uint8Array; leadsToRoot: boolean };
  /** What was proved, or would be. */
  event?: GivenEvent;
  head?: OpenedTreeHead;
  quorum?: Quorum;
};

const names = ["The key can be read", "The receipt can be read", "The log signed it", "It is the receipt of this event"] as const;

/** Thrown by a step, with what to tell. */
class Refuted extends Error {}

export async function checkReceipt(given: Given): Promise<ReceiptOutcome> {
  const missing = missingIn(given);
  if (missing.length > 0) return { state: "waiting", headline: `Still missing: ${missing.join(", ")}.`, steps: [] };
  const outcome: ReceiptOutcome = { state: "refuted", headline: "This proves nothing.", steps: [] };
  const step = async <Result>(work: () => Result | Promise<Result>, says: (result: Result) => string): Promise<Result> => {
    const name = names[outcome.steps.length]!;
    try {
      const result = await work();
      outcome.steps.push({ name, state: "passed", says: says(result) });
      return result;
    } catch (error) {
      if (error instanceof NoSignatureCheckError) throw error;
      outcome.steps.push({ name, state: "failed", says: reasonOf(error) });
      throw new Refuted();
    }
  };
  try {
    const policy = await step(() => policyIn(given.key), keySays);
    const receipt = await step(() => parseReceipt(linesOf(given.receipt)), receiptSays);
    const opened = await step(
      () => openUnderPolicy(receipt.note, policy),
      ({ treeHead }) => headSays(treeHead),
    );
    Object.assign(outcome, { head: opened.treeHead, quorum: opened.quorum, event: eventIn(given.event) });
    await step(
      () => followed(outcome, receipt),
      () => eventSays(receipt, opened.treeHead),
    );
    outcome.state = opened.quorum.met ? "proved" : "unwitnessed";
    outcome.headline = opened.quorum.met
      ? "Proved: this event stands in the log, exactly as you have it."
      : "The receipt is sound, but fewer witnesses have seen it than you ask for.";
  } catch (error) {
    if (error instanceof NoSignatureCheckError) return unable(outcome);
    if (!(error instanceof Refuted)) throw error;
  }
  outcome.steps.push(
    ...names.slice(outcome.steps.length).map((name) => ({ name, state: "open" as const, says: "Not reached." })),
  );
  return outcome;
}

const missingIn = ({ key, receipt, event }: Given): string[] =>
  [
    ["the log's key", key],
    ["the receipt", receipt],
    ["the event", event],
  ].flatMap(([name, text]) => (text!.trim() === "" ? [name!] : []));

/** Follows the proof upwards and notes the way, also where it leads elsewhere. */
function followed(outcome: ReceiptOutcome, { index, proof }: Receipt): void {
  const { size, root } = outcome.head!;
  const hash = leafHash(outcome.event!.leaf);
  const steps = inclusionPath(hash, index, size, proof);
  if (steps === undefined)
    throw new AuditError("proof-failed", `no proof for place ${index} in a log of ${size} events looks like this`);
  const leadsToRoot = equalBytes(steps.at(-1)?.node ?? hash, root);
  outcome.path = { leafHash: hash, index, size, steps, root, leadsToRoot };
  if (!leadsToRoot) throw new AuditError("proof-failed", "the event's hash does not lead to the root that was signed");
}

const keySays = ({ logs, witnesses }: Policy): string => {
  const whose = logs.map(({ key }) => key.name).join(", ");
  return witnesses.length === 0
    ? `The key of ${whose}.`
    : `The key of ${whose}, and ${counted(witnesses.length, "witness", "witnesses")}.`;
};
const receiptSays = ({ index }: Receipt): string => `It speaks of event number ${index + 1} of the log.`;
const headSays = ({ origin, size }: OpenedTreeHead): string =>
  `${origin} stands by a log of ${counted(size, "event", "events")}.`;
const eventSays = ({ index }: Receipt, { size }: OpenedTreeHead): string =>
  `Hashed upwards, your event is number ${index + 1} of the ${size} that the log signed.`;

export const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** Plain words first, then what exactly was found. */
function reasonOf(error: unknown): string {
  if (!(error instanceof AuditError)) throw error;
  const plain = plainReasons[error.code];
  return plain === undefined ? `${capital(error.message)}.` : `${plain} (${error.message})`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const plainReasons: Partial<Record<AuditError["code"], string>> = {
  "malformed-policy": "This is no key of a log. Copy it whole: a name, a plus sign, eight digits, a plus sign, and letters.",
  "malformed-receipt": "This is no receipt, or a part of it is missing or was changed.",
  "malformed-note": "The signed part at the end of the receipt is damaged.",
  "malformed-tree-head": "The signed part at the end of the receipt is damaged.",
  "bad-signature":
    "The signature is not that of your key. Something in the receipt was changed after it was signed, or somebody else signed it under the log's name.",
  "no-trusted-signature": "Somebody else signed this receipt. It is not from the log whose key you have.",
  "proof-failed":
    "The receipt is genuine, but it is not for this event. The event was altered, even if by one character, or the receipt belongs to another one.",
};

export const unableHeadline =
  "This browser can't check signatures here. Save the page to your disk and open it from there, or use a newer browser.";

const unable = (outcome: ReceiptOutcome): ReceiptOutcome => ({
  ...outcome,
  state: "unable",
  headline: unableHeadline,
  steps: [],
});
