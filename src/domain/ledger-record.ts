/** What concerns the ledger as a whole: its opening, loads of history, its clock and fitted models. Stream: `ledger`. */
import { z } from "zod";
import type { At, Decider, Draft, EventOf, Recorded } from "./decider.ts";
import { DomainError } from "./errors.ts";
import { logOrigin, signatureLine, verifierKey } from "./signed-note-values.ts";
import { type Instant, instant, type RecordingId, recordingId, type Slug, slug, type SubjectId, subjectId } from "./values.ts";

const fit = { cutOff: instant, inputSize: z.int().min(0) };
export const dormancyFit = z.strictObject({
  model: z.literal("mbg-nbd"),
  r: z.number(),
  alpha: z.number(),
  a: z.number(),
  b: z.number(),
  /** Milliseconds in one unit of time of the model. */
  unitMs: z.int().min(1),
  logLikelihood: z.number(),
  accounts: z.int().min(1),
  regularity: z.number().nullable(),
  ...fit,
});
export const priorFit = z.strictObject({
  mean: z.number().gt(0).lt(1),
  alpha: z.number().gt(0),
  beta: z.number().gt(0),
  parties: z.int().min(1),
  outcomes: z.int().min(1),
  ...fit,
});

/** 32 bytes in base64. */
const hash = z.string().regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, "must be 32 bytes in base64");

/** A tree head by which the log once stood. */
export const knownHead = z.strictObject({
  /** Leaves. */
  size: z.int().min(1),
  root: hash,
});
export type KnownHead = z.infer<typeof knownHead>;

/** The log's key changes hands. What both signatures are over: `src/audit/key-rotation.ts`. */
export const keyRotation = z.strictObject({
  origin: logOrigin,
  oldKey: verifierKey,
  newKey: verifierKey,
  /** The last head that the old key signed alone, or an earlier one. */
  treeHead: knownHead,
  /** Heads are signed by both keys until then, and by the new one ever after. */
  oldKeyUntil: instant,
  oldSignature: signatureLine,
  newSignature: signatureLine,
});
export type KeyRotation = z.infer<typeof keyRotation>;

/** How many events each account had, and which: the root over one line an account. */
export const censusFigures = z.strictObject({
  /** Events counted, from the first of the log on. */
  treeSize: z.int().min(1),
  /** Accounts that events concern. */
  accounts: z.int().min(0),
  root: hash,
});
export type CensusFigures = z.infer<typeof censusFigures>;

export const ledgerEvents = {
  LedgerOpened: z.strictObject({ ledger: slug, format: z.int().min(1) }),
  RecordingStarted: z.strictObject({ recording: recordingId, source: slug }),
  RecordingCompleted: z.strictObject({ recording: recordingId, source: slug, upTo: instant }),
  /** Log time counts anew from here: the clock had been wrong for good. */
  ClockCorrected: z.strictObject({ logTime: instant }),
  /** The log does not go on from the head that was signed last. Visible to every auditor for ever. */
  LogResumed: z.strictObject({ lastKnownHead: knownHead }),
  /** Whoever trusts the old key may trust the new one: both have signed this. */
  LogKeyRotated: keyRotation,
  /** Every node of a cluster signs with this key, until it is rotated; one that has another may not sign at all. */
  LogKeyDeclared: z.strictObject({ key: verifierKey }),
  /** Proof that nothing was left out: whoever has the log counts again, and must come to the same root. */
  CensusTaken: censusFigures,
  /** Nothing personal of the subject can be read any more. What its events say besides stays. */
  SubjectErased: z.strictObject({ subject: subjectId, reason: slug.optional() }),
  PriorFitted: priorFit,
  DormancyModelFitted: dormancyFit,
};
export type LedgerEvent = EventOf<typeof ledgerEvents>;

export type LedgerCommand =
  | ({ type: "OpenLedger"; ledger: Slug } & At)
  | ({ type: "StartRecording"; recording: RecordingId; source: Slug } & At)
  | ({ type: "CompleteRecording"; recording: RecordingId; upTo?: Instant } & At)
  | ({ type: "CorrectClock" } & At)
  /** `broken` is the head that the log does not bear out, where there is one; without its root where a witness told its size alone. */
  | ({ type: "ResumeLog"; lastKnownHead: KnownHead; broken: { size: number; root?: string } | undefined } & At)
  | ({ type: "RotateLogKey"; rotation: KeyRotation } & At)
  | ({ type: "DeclareLogKey"; key: string } & At)
  | ({ type: "RecordCensus"; census: CensusFigures } & At)
  | ({ type: "EraseSubject"; subject: SubjectId; reason?: Slug | undefined } & At)
  | ({ type: "RecordPriorFit"; fit: z.infer<typeof priorFit> } & At)
  | ({ type: "RecordDormancyFit"; fit: z.infer<typeof dormancyFit> } & At);

export type Recording = { recording: RecordingId; source: Slug; startedAt: Instant; completedAt?: Instant; upTo?: Instant };
/** Erasures, the last one first. A list that grows at its head, since the whole stream is folded for each command on it. */
export type Erasure = { subject: SubjectId; at: Instant; before: Erasure | undefined };
export type LedgerState = {
  isOpen: boolean;
  recordings: ReadonlyMap<RecordingId, Recording>;
  priors: { from: Instant; mean: number }[];
  /** The head that was last given up. */
  givenUp?: KnownHead;
  /** The log's key since it was declared or last rotated; absent where the log does not say. */
  logKey?: string;
  /** The last one, and when it was recorded. */
  census?: CensusFigures & { recordedAt: Instant };
  erasures?: Erasure;
  dormancy?: z.infer<typeof dormancyFit>;
};

export const ledgerRecord: Decider<LedgerCommand, LedgerEvent, LedgerState> = {
  initialState: { isOpen: false, recordings: new Map(), priors: [] },
  decide,
  evolve,
};

function decide(command: LedgerCommand, state: LedgerState): Draft<LedgerEvent>[] {
  switch (command.type) {
    case "OpenLedger":
      return state.isOpen ? [] : [{ type: "LedgerOpened", data: { ledger: command.ledger, format: 1 } }];
    case "StartRecording":
      return state.recordings.has(command.recording)
        ? []
        : [{ type: "RecordingStarted", data: { recording: command.recording, source: command.source } }];
    case "CompleteRecording":
      return completeRecording(command, state);
    case "CorrectClock":
      return [{ type: "ClockCorrected", data: { logTime: command.at } }];
    case "ResumeLog":
      return resumeLog(command, state);
    case "RotateLogKey":
      return rotateLogKey(command.rotation, state);
    case "DeclareLogKey":
      return declareLogKey(command.key, state);
    case "RecordCensus":
      return recordCensus(command.census, state);
    case "EraseSubject":
      return erasureOf(state, command.subject) === undefined
        ? [{ type: "SubjectErased", data: { subject: command.subject, reason: command.reason } }]
        : [];
    case "RecordPriorFit":
      return [{ type: "PriorFitted", data: command.fit }];
    case "RecordDormancyFit":
      return [{ type: "DormancyModelFitted", data: command.fit }];
  }
}

function completeRecording(
  { recording, upTo, at }: Extract<LedgerCommand, { type: "CompleteRecording" }>,
  state: LedgerState,
): Draft<LedgerEvent>[] {
  const open = state.recordings.get(recording);
  if (open === undefined) throw new DomainError("recording-not-found");
  if (open.completedAt !== undefined) {
    if (upTo === undefined || upTo === open.upTo) return [];
    throw new DomainError("recording-completed", `it was completed up to ${open.upTo}`, "/upTo");
  }
  if (upTo !== undefined && upTo > at) throw new DomainError("in-the-future", "`upTo` lies in the future", "/upTo");
  return [{ type: "RecordingCompleted", data: { recording, source: open.source, upTo: upTo ?? at } }];
}

function resumeLog(
  { lastKnownHead, broken }: Extract<LedgerCommand, { type: "ResumeLog" }>,
  { givenUp }: LedgerState,
): Draft<LedgerEvent>[] {
  if (broken === undefined) throw new DomainError("log-not-diverged");
  if (!isSameHead(lastKnownHead, broken)) throw new DomainError("known-head-differs", undefined, "/lastKnownHead");
  // Until signing goes on, a moment later, the declaration may come again.
  return givenUp !== undefined && isSameHead(givenUp, broken) ? [] : [{ type: "LogResumed", data: { lastKnownHead } }];
}

/** A witness may tell the size alone; the root is then whatever the operator declares it to be. */
const isSameHead = (a: KnownHead, b: { size: number; root?: string }): boolean =>
  a.size === b.size && (b.root === undefined || a.root === b.root);

function rotateLogKey(rotation: KeyRotation, { logKey = rotation.oldKey }: LedgerState): Draft<LedgerEvent>[] {
  if (logKey === rotation.newKey) return [];
  if (logKey !== rotation.oldKey) throw new DomainError("log-key-rotated");
  return [{ type: "LogKeyRotated", data: rotation }];
}

function declareLogKey(key: string, { logKey }: LedgerState): Draft<LedgerEvent>[] {
  if (logKey === key) return [];
  if (logKey !== undefined) throw new DomainError("log-key-differs");
  return [{ type: "LogKeyDeclared", data: { key } }];
}

/** A size is counted once; a count that another process overtook says nothing new. */
const recordCensus = (census: CensusFigures, { census: last }: LedgerState): Draft<LedgerEvent>[] =>
  last !== undefined && last.treeSize >= census.treeSize ? [] : [{ type: "CensusTaken", data: census }];

function evolve(state: LedgerState, event: Recorded<LedgerEvent>): LedgerState {
  switch (event.type) {
    case "LedgerOpened":
      return { ...state, isOpen: true };
    case "RecordingStarted":
      return withRecording(state, { recording: event.data.recording, source: event.data.source, startedAt: event.recordedAt });
    case "RecordingCompleted": {
      const open = state.recordings.get(event.data.recording);
      return open === undefined ? state : withRecording(state, { ...open, completedAt: event.recordedAt, upTo: event.data.upTo });
    }
    case "PriorFitted":
      return { ...state, priors: [...state.priors, { from: event.data.cutOff, mean: event.data.mean }] };
    case "DormancyModelFitted":
      return { ...state, dormancy: event.data };
    case "LogResumed":
      return { ...state, givenUp: event.data.lastKnownHead };
    case "LogKeyRotated":
      return { ...state, logKey: event.data.newKey };
    case "LogKeyDeclared":
      return { ...state, logKey: event.data.key };
    case "CensusTaken":
      return { ...state, census: { ...event.data, recordedAt: event.recordedAt } };
    case "SubjectErased":
      return { ...state, erasures: { subject: event.data.subject, at: event.occurredAt, before: state.erasures } };
    case "ClockCorrected":
      return state;
  }
}

const withRecording = (state: LedgerState, recording: Recording): LedgerState => ({
  ...state,
  recordings: new Map(state.recordings).set(recording.recording, recording),
});

/** Every erasure, the last one first. */
export function* erasuresOf({ erasures }: LedgerState): Generator<Erasure> {
  for (let erasure = erasures; erasure !== undefined; erasure = erasure.before) yield erasure;
}

export function erasureOf(state: LedgerState, subject: SubjectId): Erasure | undefined {
  for (const erasure of erasuresOf(state)) if (erasure.subject === subject) return erasure;
  return undefined;
}
