/**
 * The protocol between a log and its witnesses (C2SP tlog-witness), as decisions: what a witness answers to a request, and
 * what a log makes of the answer. Sending and storing are the caller's.
 */
import { equalBytes, fromDecimal, hashFromBase64, textOf, toBase64 } from "./encoding.ts";
import { AuditError, type AuditErrorCode } from "./errors.ts";
import { emptyRoot } from "./hashing.ts";
import { verifyConsistency } from "./merkle.ts";
import { noteOf, openNote, parseNote } from "./signed-note.ts";
import { type Cosignature, cosign, type OpenedTreeHead, openTreeHead, parseTreeHeadText } from "./tree-head.ts";
import type { SignerKey, VerifierKey } from "./verifier-key.ts";

const proofHashesMax = 63;
const requestBytesMax = 1_010_000;

export type AddTreeHeadRequest = {
  /** Size of the head that the witness cosigned last, as the log knows it. */
  oldSize: number;
  proof: Uint8Array[];
  /** The signed tree head, verbatim. */
  note: string;
};

/** The body of `POST add-checkpoint`. */
export const formatAddTreeHead = ({ oldSize, proof, note }: AddTreeHeadRequest): string =>
  [`old ${oldSize}`, ...proof.map(toBase64), "", note].join("\n");

/** @throws AuditError malformed-request, malformed-note or malformed-tree-head: the witness answers 400 to each. */
export function parseAddTreeHead(body: string | Uint8Array): AddTreeHeadRequest & { origin: string } {
  if (body.length > requestBytesMax) throw malformed("the request is too long");
  const text = textOf(body);
  if (text === undefined) throw malformed("the request is not UTF-8");
  const split = text.indexOf("\n\n");
  if (split < 0) throw malformed("no empty line stands before the signed tree head");
  const [oldLine = "", ...hashLines] = text.slice(0, split).split("\n");
  const oldSize = oldLine.startsWith("old ") ? fromDecimal(oldLine.slice("old ".length)) : undefined;
  if (oldSize === undefined) throw malformed("write old and a size in decimal", 1);
  if (hashLines.length > proofHashesMax) throw malformed(`a proof has at most ${proofHashesMax} hashes`);
  const proof = hashLines.map((line, at) => {
    const hash = hashFromBase64(line);
    if (!hash) throw malformed("the line is no hash of 32 bytes in base64", 2 + at);
    return hash;
  });
  const note = text.slice(split + 2);
  const { origin } = parseTreeHeadText(parseNote(note).text);
  return { oldSize, proof, note, origin };
}

const malformed = (message: string, line?: number): AuditError => new AuditError("malformed-request", message, line);

/** What a witness keeps of each log: the last head it cosigned, with the log's signature and its own. */
export type WitnessState = { size: number; root: Uint8Array; note: string };

export type WitnessAnswer = { status: 200 | 400 | 403 | 404 | 409 | 422; contentType: string; body: string };

/** The answer, and for 200 the state that must be stored before it is given. */
export type WitnessDecision = WitnessAnswer & { next?: WitnessState };

export type Witness = {
  /** Keys of the logs it watches, each named by its log's origin. */
  logs: readonly VerifierKey[];
  /** Its own, of type 04; at least one. */
  keys: readonly SignerKey[];
};

/**
 * What a witness answers. Pure: the same arguments give the same answer.
 *
 * @param state what is stored for the request's origin; undefined where nothing was cosigned yet.
 * @param time whole seconds since 1970.
 */
export async function decideAddTreeHead(
  witness: Witness,
  state: WitnessState | undefined,
  body: string | Uint8Array,
  time: number,
): Promise<WitnessDecision> {
  const request = readRequest(body);
  if ("status" in request) return request;
  const { oldSize, proof, note, origin } = request;
  const logs = witness.logs.filter(({ name }) => name === origin);
  if (logs.length === 0) return refusal(404, "this log is not watched here");
  const head = await openedOrRefused(note, logs);
  if ("status" in head) return head;
  if (oldSize > head.size) return refusal(400, "the old size is above that of the tree head");
  const known = state?.size ?? 0;
  // The same size with another root is a conflict too, and no proof of consistency mends it.
  const isFork = state !== undefined && head.size === known && !equalBytes(head.root, state.root);
  if (oldSize !== known || isFork) return { status: 409, contentType: "text/x.tlog.size", body: `${known}\n` };
  if (!isExtension(state, proof, head)) return refusal(422, "the tree head does not extend the one cosigned last");
  const lines = witness.keys.map((key) => cosign(head.text, key, time));
  const stored = noteOf(head.text, [...head.signatures.map(({ line }) => `${line}\n`), ...lines]);
  return {
    status: 200,
    contentType: "text/plain; charset=utf-8",
    body: lines.join(""),
    next: { size: head.size, root: head.root, note: stored },
  };
}

function isExtension(state: WitnessState | undefined, proof: readonly Uint8Array[], head: OpenedTreeHead): boolean {
  if (head.size === 0 && !equalBytes(head.root, emptyRoot())) return false;
  // Every tree extends the empty one, and there is no proof of that.
  if (state === undefined || state.size === 0) return proof.length === 0;
  return verifyConsistency(state.size, head.size, proof, state.root, head.root);
}

function readRequest(body: string | Uint8Array): (AddTreeHeadRequest & { origin: string }) | WitnessDecision {
  try {
    return parseAddTreeHead(body);
  } catch (error) {
    return refusalFor(error, 400, ["malformed-request", "malformed-note", "malformed-tree-head"]);
  }
}

async function openedOrRefused(note: string, logs: readonly VerifierKey[]): Promise<OpenedTreeHead | WitnessDecision> {
  try {
    return await openTreeHead(note, logs);
  } catch (error) {
    return refusalFor(error, 403, ["bad-signature", "no-trusted-signature"]);
  }
}

function refusalFor(error: unknown, status: 400 | 403, codes: readonly AuditErrorCode[]): WitnessDecision {
  if (error instanceof AuditError && codes.includes(error.code)) return refusal(status, error.message);
  throw error;
}

const refusal = (status: WitnessAnswer["status"], reason: string): WitnessDecision => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body: `${reason}\n`,
});

/** Where a witness keeps its states. */
export interface WitnessStore {
  read(origin: string): Promise<WitnessState | undefined>;

  /**
   * Stores `next` durably if the state is still `expected` (by size and root; undefined for none), in one atomic step, and says
   * whether it did. Without that, two requests at once could take the witness back to a smaller tree.
   */
  replace(origin: string, expected: WitnessState | undefined, next: WitnessState): Promise<boolean>;
}

/**
 * Answers a request from a store. One that lost a race is decided anew, on what the winner stored.
 *
 * @param now whole seconds since 1970.
 * @throws what the store throws; Error after losing ten races in a row.
 */
export async function addTreeHead(
  witness: Witness,
  store: WitnessStore,
  body: string | Uint8Array,
  now: () => number,
): Promise<WitnessAnswer> {
  const request = readRequest(body);
  if ("status" in request) return request;
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const state = await store.read(request.origin);
    const { next, ...answer } = await decideAddTreeHead(witness, state, body, now());
    if (!next || (await store.replace(request.origin, state, next))) return answer;
  }
  throw new Error("the witness lost every race for this log");
}

const attemptsMax = 10;

/**
 * What a log takes from a witness's answer of 200: the cosignatures by keys that it trusts, one each. Lines of other keys are
 * left out.
 *
 * @param note the signed tree head that was sent.
 * @throws AuditError malformed-note, bad-signature, no-trusted-signature: the answer is of no use.
 */
export async function readCosignatures(
  answer: string | Uint8Array,
  note: string,
  witnesses: readonly VerifierKey[],
): Promise<Cosignature[]> {
  const { text } = parseNote(note);
  const opened = await openNote(noteOf(text, [textOf(answer) ?? ""]), witnesses);
  // An answer with an empty line of its own would have its signatures stand under another text.
  if (opened.text !== text) throw new AuditError("malformed-note", "the answer is more than lines of signatures");
  return opened.signatures.flatMap(({ key, line, time }) => (time === undefined ? [] : [{ key, line, time }]));
}

/** The note with cosignatures after its own lines; lines that it has already are not repeated. */
export function withCosignatures(note: string, cosignatures: readonly { line: string }[]): string {
  const { text, signatures } = parseNote(note);
  const lines = new Set([...signatures, ...cosignatures].map(({ line }) => `${line}\n`));
  return noteOf(text, [...lines]);
}
