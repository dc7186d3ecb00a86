/**
 * Offering a signed head to one witness (C2SP tlog-witness), from the first request to a cosignature that can be kept. What a witness
 * says is believed as far as it is signed: a cosignature by its own key, a head that the log is said to contradict by the log's.
 */
import { createHash } from "node:crypto";
import { fromDecimal } from "../audit/encoding.ts";
import { AuditError } from "../audit/errors.ts";
import { consistencyProofFromTiles, type TileReader } from "../audit/tile-proofs.ts";
import type { VerifierKey } from "../audit/verifier-key.ts";
import { formatAddTreeHead, readCosignatures } from "../audit/witness.ts";
import type { SignedHead } from "./stores.ts";

export type WitnessAddress = {
  key: VerifierKey;
  /** What `add-checkpoint` is appended to: the submission prefix. */
  url: string;
};

export type Offered =
  | { outcome: "cosigned"; line: string; time: number }
  /** The witness has cosigned a larger head than the one offered. */
  | { outcome: "ahead"; size: number }
  /** The witness holds a head of this size that does not lead to the one offered. */
  | { outcome: "contradicted"; size: number }
  | { outcome: "failed"; reason: string };

export type Offering = {
  readTile: TileReader;
  /** Milliseconds since 1970. */
  now(): number;
  /** Ends the offer, however many requests it takes. */
  signal: AbortSignal;
};

/** Verifiers allow as much between two clocks, so a cosignature that is further off would speak against the log. */
export const cosignatureSkewMsMax = 5_000;

/** The first tells the size, the second has the proof; a third is for a witness that moved meanwhile. */
const requestCountMax = 3;
const answerBytesMax = 64 * 1024;

/** @param knownSize of the head that the witness cosigned last, as far as is known. */
export async function offer(witness: WitnessAddress, head: SignedHead, knownSize: number, offering: Offering): Promise<Offered> {
  let oldSize = Math.min(knownSize, head.size);
  for (let requests = 0; requests < requestCountMax; requests += 1) {
    const sentAt = offering.now();
    const answer = await sent(witness, head, oldSize, offering);
    if (typeof answer === "string") return failed(answer);
    const { status, body } = answer;
    if (status === 200) return cosigned(witness, head, body, sentAt, offering.now());
    if (status === 422 && oldSize > 0) return { outcome: "contradicted", size: oldSize };
    if (status !== 409) return failed(`it answered ${status}: ${shown(body)}`);
    const size = fromDecimal(body.toString("utf8").replace(/\n$/, ""));
    if (size === undefined) return failed("it answered 409 without a size");
    if (size > head.size) return { outcome: "ahead", size };
    // It named the size that it was told: then it is the root that differs.
    if (size === oldSize) return { outcome: "contradicted", size };
    oldSize = size;
  }
  return failed("it names another size each time");
}

const failed = (reason: string): Offered => ({ outcome: "failed", reason });

async function sent({ url }: WitnessAddress, head: SignedHead, oldSize: number, { readTile, signal }: Offering) {
  const isGrowth = oldSize > 0 && oldSize < head.size;
  const proof = isGrowth ? consistencyProofFromTiles(readTile, oldSize, head.size) : [];
  return asked(`${url}/add-checkpoint`, signal, {
    method: "POST",
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: formatAddTreeHead({ oldSize, proof, note: head.note }),
  });
}

type Answer = { status: number; body: Buffer };

/** @returns the answer, or why there is none. */
async function asked(url: string, signal: AbortSignal, request: RequestInit): Promise<Answer | string> {
  try {
    // A witness is at the address that the operator wrote down, and nowhere else.
    const response = await fetch(url, { ...request, signal, redirect: "error" });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      if ((bytes += chunk.byteLength) > answerBytesMax) return "its answer is too long";
    }
    return { status: response.status, body: Buffer.concat(chunks) };
  } catch (error) {
    if (signal.aborted) return "it did not answer in time";
    const { message, cause } = error as Error;
    return `it can't be reached: ${cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : message}`;
  }
}

async function cosigned(witness: WitnessAddress, head: SignedHead, body: Buffer, sentAt: number, answeredAt: number) {
  try {
    const [cosignature] = await readCosignatures(body, head.note, [witness.key]);
    if (cosignature === undefined) return failed("its answer holds no cosignature");
    const { line, time } = cosignature;
    if (time * 1000 < sentAt - cosignatureSkewMsMax || time * 1000 > answeredAt + cosignatureSkewMsMax)
      return failed(`its clock is off: it cosigned at ${time} s, while it was ${Math.floor(answeredAt / 1000)} s here`);
    return { outcome: "cosigned" as const, line, time };
  } catch (error) {
    if (error instanceof AuditError) return failed(`its cosignature is of no use: ${error.message}`);
    throw error;
  }
}

/** The first line of what somebody else wrote, in characters that no terminal minds. */
const shown = (body: Buffer): string =>
  body
    .subarray(0, 200)
    .toString("utf8")
    .split("\n")[0]!
    .replace(/[^\x20-\x7e]/g, "?");

/**
 * The head that a witness says it holds, where it shows that. Witnesses of ours do; the protocol does not ask for it.
 * @returns the note, of which nothing is proved yet.
 */
export async function heldHead({ url }: WitnessAddress, origin: string, signal: AbortSignal): Promise<string | undefined> {
  const hash = createHash("sha256").update(origin).digest("hex");
  const answer = await asked(`${url}/${hash}/checkpoint`, signal, {});
  return typeof answer === "string" || answer.status !== 200 ? undefined : answer.body.toString("utf8");
}
