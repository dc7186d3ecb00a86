/**
 * Has an account gone quiet? Three answers, side by side: is a promised contact overdue, is the silence long by the account's
 * own rhythm, and how likely is it still alive under a model fitted to all accounts. A policy's order says which one decides.
 *
 * Only contacts that qualify arrive here, and silence runs from the last of them. Each answer is a pair of instants at which
 * the account turns cooling and dormant unless it is contacted before, so a list can store them and needs no sweep.
 */
import { logGamma } from "./beta.ts";
import { minimisePositive } from "./nelder-mead.ts";
import { addMs, dayMs, endOfTime, epochMs, hourMs, type Instant } from "./values.ts";

export const weekMs = 7 * dayMs;

// The own rhythm.

export type OwnRhythm = {
  silenceMs: number;
  medianGapMs: number;
  /** Silence in median gaps. */
  silenceRatio: number;
  /** Where the silence stands among the account's own gaps, 0..1. */
  silencePercentile: number;
  /** Silence at which it turns cooling, and dormant: p80 and p95 of its own gaps by default. */
  coolingAfterMs: number;
  dormantAfterMs: number;
};

export type RhythmPolicy = {
  coolingPercentile: number;
  dormantPercentile: number;
  /** Lower bounds in median gaps; 0 sets none. Percentiles of a very regular account lie close together, just above its median. */
  coolingMediansMin: number;
  dormantMediansMin: number;
};

/**
 * The silence measured by the account's own gaps.
 *
 * @param occasionsMs distinct, rising: what `occasionsOf` gives.
 * @param silenceMs since the last contact.
 * @returns null with fewer than two occasions; whether that is history enough is the policy's business.
 */
export function ownRhythm(occasionsMs: readonly number[], silenceMs: number, policy: RhythmPolicy): OwnRhythm | null {
  const gaps = gapsBetween(occasionsMs).sort((a, b) => a - b);
  if (gaps.length === 0) return null;
  const medianGapMs = quantile(gaps, 0.5);
  return {
    silenceMs,
    medianGapMs,
    silenceRatio: silenceMs / medianGapMs,
    silencePercentile: percentileOf(gaps, silenceMs),
    coolingAfterMs: Math.max(quantile(gaps, policy.coolingPercentile), policy.coolingMediansMin * medianGapMs),
    dormantAfterMs: Math.max(quantile(gaps, policy.dormantPercentile), policy.dormantMediansMin * medianGapMs),
  };
}

/**
 * Contacts that belong together count once: what follows the first of an occasion within `occasionMs` is part of it, so that a
 * visit and the call afterwards are no rhythm. 0 merges equal instants alone.
 *
 * @param contactsMs rising.
 * @returns the first instant of each occasion, rising.
 */
export function occasionsOf(contactsMs: readonly number[], occasionMs: number): number[] {
  const occasions: number[] = [];
  for (const at of contactsMs) if (occasions.length === 0 || at - occasions.at(-1)! > occasionMs) occasions.push(at);
  return occasions;
}

export const gapsBetween = (occasionsMs: readonly number[]): number[] =>
  occasionsMs.slice(1).map((at, i) => at - occasionsMs[i]!);

/** Linear between order statistics: definition 7 of Hyndman and Fan, 1996. @param sorted rising, at least one. */
function quantile(sorted: readonly number[], p: number): number {
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  const lower = sorted[below]!;
  return lower + (place - below) * ((sorted[below + 1] ?? lower) - lower);
}

/** The inverse of `quantile`, and among equal values the highest place: at or past the p-quantile it is at least p. */
function percentileOf(sorted: readonly number[], value: number): number {
  const above = sorted.findIndex((gap) => gap > value);
  if (above < 0) return 1;
  if (above === 0) return 0;
  const lower = sorted[above - 1]!;
  return (above - 1 + (value - lower) / (sorted[above]! - lower)) / (sorted.length - 1);
}

/**
 * Regularity of contacts: 1 is Poisson, well above 1 is regular, Infinity clockwork, 0 as bursty as can be. Under gamma gaps of
 * shape k, M = gap₁/(gap₁+gap₂) is Beta(k, k) whatever the account's rate, so accounts pool.
 *
 * @param gapsByAccount positive gaps in time order; each account gives its disjoint pairs of neighbours.
 * @returns null with fewer than two pairs in all.
 * @see Wheat and Morrison, "Estimating purchase regularity with two interpurchase times", 1990.
 */
export function regularity(gapsByAccount: Iterable<readonly number[]>): { k: number; pairs: number } | null {
  const shares: number[] = [];
  for (const gaps of gapsByAccount)
    for (let i = 1; i < gaps.length; i += 2) shares.push(gaps[i - 1]! / (gaps[i - 1]! + gaps[i]!));
  if (shares.length < 2) return null;
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / (shares.length - 1);
  return { k: Math.max(0, (1 - 4 * variance) / (8 * variance)), pairs: shares.length };
}

// The probability that it is alive.

/** BG/NBD says 1 for every account contacted once, so MBG/NBD is the one to decide by; BG/NBD stays as a check on it. */
export type AliveFamily = "bg-nbd" | "mbg-nbd";
/** All positive. `alpha` is in the unit of time of the histories, weeks throughout Troth; the others have none. */
export type AliveModel = { family: AliveFamily; r: number; alpha: number; a: number; b: number };
export type FittedAliveModel = AliveModel & { logLikelihood: number; accounts: number; evaluations: number };

/** An account as the models see it: x repeat contacts, the last of them tx after the first contact, seen until T after it. */
export type ContactHistory = { x: number; tx: number; T: number };

/** Histories with equal ones counted; the columns are parallel. `repeats` holds each x once, with the accounts that have it. */
export type HistoryTable = {
  x: Float64Array;
  tx: Float64Array;
  T: Float64Array;
  count: Float64Array;
  repeats: readonly { x: number; count: number }[];
  accounts: number;
};

/** With fewer accounts than this a fit says little about any of them. */
export const aliveAccountCountMin = 100;

/** Groups equal histories, so that the gamma functions are computed once for each x and the rest once for each distinct history. */
export function historyTable(histories: readonly ContactHistory[]): HistoryTable {
  const groups = new Map<string, { history: ContactHistory; count: number }>();
  const repeats = new Map<number, number>();
  for (const history of histories) {
    const key = `${history.x} ${history.tx} ${history.T}`;
    groups.set(key, { history, count: (groups.get(key)?.count ?? 0) + 1 });
    repeats.set(history.x, (repeats.get(history.x) ?? 0) + 1);
  }
  const column = (of: (group: { history: ContactHistory; count: number }) => number) => Float64Array.from(groups.values(), of);
  return {
    x: column(({ history }) => history.x),
    tx: column(({ history }) => history.tx),
    T: column(({ history }) => history.T),
    count: column(({ count }) => count),
    repeats: Array.from(repeats, ([x, count]) => ({ x, count })),
    accounts: histories.length,
  };
}

/**
 * Log likelihood of all histories together. Linear in the distinct ones.
 *
 * @see Fader, Hardie and Lee, "Counting your customers the easy way", 2005, equation 6; for MBG/NBD Batislam, Denizel and
 * Filiztekin, 2007, and Wagner and Hoppe, 2008: an account may drop out after its first contact as well.
 */
export function aliveLogLikelihood(model: AliveModel, table: HistoryTable): number {
  const { r, alpha } = model;
  const base = r * Math.log(alpha) - logGamma(r);
  let sum = 0;
  for (const { x, count } of table.repeats) sum += count * (base + logGamma(r + x) + logSurvivals(model, x));
  for (let i = 0; i < table.x.length; i++) {
    const shape = r + table.x[i]!;
    const logLast = Math.log(alpha + table.tx[i]!);
    const stillHere = Math.exp(shape * (logLast - Math.log(alpha + table.T[i]!)));
    sum += table.count[i]! * (Math.log(stillHere + dropOutOdds(model, table.x[i]!)) - shape * logLast);
  }
  return sum;
}

/**
 * Maximum likelihood.
 *
 * @returns null with fewer than `accountCountMin` accounts, where none was ever contacted again (nothing tells rare contacts
 * from accounts that are gone), and where the search does not settle.
 */
export function fitAliveModel(
  family: AliveFamily,
  histories: readonly ContactHistory[],
  accountCountMin = aliveAccountCountMin,
): FittedAliveModel | null {
  if (histories.length < accountCountMin || histories.every(({ x }) => x === 0)) return null;
  const table = historyTable(histories);
  const loss = (guess: readonly number[]) => -aliveLogLikelihood(modelOf(family, guess), table);
  const { parameters, loss: least, evaluations, converged } = minimisePositive(loss, searchStart);
  if (!converged) return null;
  return { ...modelOf(family, parameters), logLikelihood: -least, accounts: histories.length, evaluations };
}

/** Probability, 0..1, that the account has not dropped out for good by T. Falls with T. */
export function aliveProbability(model: AliveModel, { x, tx, T }: ContactHistory): number {
  const growth = ((model.alpha + T) / (model.alpha + tx)) ** (model.r + x);
  const odds = dropOutOdds(model, x);
  return odds === 0 ? 1 : 1 / (1 + odds * growth);
}

/**
 * Silence after the last contact at which P(alive) has fallen to `threshold`, in the model's unit. P(alive) is a power of the
 * silence, so this needs no search.
 *
 * @param threshold strictly between 0 and 1.
 * @returns 0 where P(alive) is no higher right after the contact; Infinity where it never falls so low (BG/NBD, no repeat).
 */
export function silenceUntilAlive(model: AliveModel, { x, tx }: Pick<ContactHistory, "x" | "tx">, threshold: number): number {
  const growth = (1 / threshold - 1) / dropOutOdds(model, x);
  return Math.max(0, (model.alpha + tx) * (growth ** (1 / (model.r + x)) - 1));
}

/**
 * The search runs over r, α/r (the mean gap), a/b and a+b. Where accounts are all alike, or none ever drops out, the likelihood
 * rises for ever towards an edge of the parameters; in this form the edge can be held at a value that is as good as infinite.
 */
const searchStart: readonly number[] = [1, 1, 1, 2];
const shapeMax = 1e4;
const oddsMax = 1e6;

function modelOf(family: AliveFamily, guess: readonly number[]): AliveModel {
  const r = heldWithin(shapeMax, guess[0]!);
  const odds = heldWithin(oddsMax, guess[2]!);
  const concentration = heldWithin(shapeMax, guess[3]!);
  const b = concentration / (1 + odds);
  return { family, r, alpha: r * heldWithin(oddsMax, guess[1]!), a: odds * b, b };
}

const heldWithin = (max: number, value: number) => Math.min(Math.max(value, 1 / max), max);

/** How many contacts an account could have dropped out after, beyond its repeats: none in BG/NBD, the first one in MBG/NBD. */
const firstContacts = ({ family }: AliveModel) => (family === "mbg-nbd" ? 1 : 0);

/** ln B(a, b+m)/B(a, b), the chance of having survived m contacts, in the form that both families share. */
function logSurvivals(model: AliveModel, x: number): number {
  const { a, b } = model;
  const survived = x + firstContacts(model);
  return logGamma(a + b) - logGamma(b) + logGamma(b + survived) - logGamma(a + b + survived);
}

/** Odds of having dropped out right after the last contact against having survived it. */
function dropOutOdds(model: AliveModel, x: number): number {
  const contacts = x + firstContacts(model);
  return contacts === 0 ? 0 : model.a / (model.b + contacts - 1);
}

// The state.

export type DormancyState = "new" | "active" | "cooling" | "dormant";
export type AnswerName = "cadence" | "rhythm" | "alive";

/** When it turns cooling and dormant unless contacted before; null for never before the year 10000. */
export type Thresholds = { coolingAt: Instant | null; dormantAt: Instant | null };
export type Answer = Thresholds & { state: Exclude<DormancyState, "new"> };

export type DormancyPolicy = RhythmPolicy & {
  /** The first of these that has an answer decides. With none of them the own rhythm does. */
  order: readonly AnswerName[];
  /** Below this many occasions the account is new. */
  contactCountMin: number;
  /** See `occasionsOf`. */
  occasionHours: number;
  /** A promised contact overdue this long makes the account dormant; until then it is cooling. */
  overdueDormantDays: number;
  /** P(alive) at which it turns cooling, and dormant: strictly between 0 and 1. */
  aliveCooling: number;
  aliveDormant: number;
  /** From this Wheat–Morrison k on the own rhythm goes before P(alive): regular contacts are not Poisson, as the model assumes. */
  regularityMin: number;
};

export const dormancyDefaults: DormancyPolicy = {
  order: ["cadence", "alive", "rhythm"],
  contactCountMin: 4,
  occasionHours: 12,
  overdueDormantDays: 30,
  coolingPercentile: 0.8,
  dormantPercentile: 0.95,
  coolingMediansMin: 0,
  dormantMediansMin: 0,
  aliveCooling: 0.5,
  aliveDormant: 0.2,
  regularityMin: 1.5,
};

export type DormancyInput = {
  /** Instants of qualifying contacts, in any order. Those after `at` are left out. */
  contacts: readonly Instant[];
  at: Instant;
  /** When the next promised contact is overdue, its grace included; null where no cadence is promised. */
  overdueFrom: Instant | null;
  /** Null until one was fitted. Time in weeks. */
  model: AliveModel | null;
  /** Wheat–Morrison k, of the account or of the portfolio, as the caller sees fit; null where unknown. */
  regularity: number | null;
};

export type Dormancy = Thresholds & {
  state: DormancyState;
  /** `history`: there is too little of it. */
  decidedBy: AnswerName | "history";
  /** When it came into this state; null for an account never contacted. */
  since: Instant | null;
  contacts: number;
  lastContactAt: Instant | null;
  silenceMs: number | null;
  /** Null where there is no such answer: nothing promised, too few contacts, no model. */
  answers: {
    cadence: (Answer & { overdue: boolean }) | null;
    rhythm: (Answer & OwnRhythm) | null;
    alive: (Answer & { probability: number; history: ContactHistory }) | null;
  };
};

/**
 * The account's state at an instant, which answer decided it and since when, with all answers beside it. Too little history is
 * `new`, never dormant, whatever the answers. As time alone passes, `coolingAt` and `dormantAt` stay what they are.
 */
export function dormancyState(input: DormancyInput, policy: DormancyPolicy): Dormancy {
  const contacts = input.contacts.filter((at) => at <= input.at).sort();
  const occasionsMs = occasionsOf(contacts.map(epochMs), policy.occasionHours * hourMs);
  const [firstContactAt, lastContactAt] = [contacts[0] ?? null, contacts.at(-1) ?? null];
  const silenceMs = lastContactAt === null ? null : epochMs(input.at) - epochMs(lastContactAt);
  const cadence = cadenceAnswer(input, policy);
  const seen = { contacts: occasionsMs.length, lastContactAt, silenceMs };
  if (lastContactAt === null) {
    const answers = { cadence, rhythm: null, alive: null };
    return { state: "new", decidedBy: "history", since: null, coolingAt: null, dormantAt: null, ...seen, answers };
  }
  const history = historyOf(occasionsMs, lastContactAt, input.at);
  const hasHistory = occasionsMs.length >= policy.contactCountMin;
  const answers = {
    cadence,
    rhythm: hasHistory ? rhythmAnswer(occasionsMs, lastContactAt, input.at, policy) : null,
    alive: input.model === null ? null : aliveAnswer(input.model, history, lastContactAt, input.at, policy),
  };
  if (!hasHistory)
    return { state: "new", decidedBy: "history", since: firstContactAt, coolingAt: null, dormantAt: null, ...seen, answers };
  const decidedBy = orderFor(input, policy).find((name) => answers[name] !== null) ?? "rhythm";
  const { state, coolingAt, dormantAt } = answers[decidedBy] ?? { state: "active", coolingAt: null, dormantAt: null };
  const since = { active: lastContactAt, cooling: coolingAt, dormant: dormantAt }[state];
  return { state, decidedBy, since, coolingAt, dormantAt, ...seen, answers };
}

/** The state that stored thresholds mean at an instant: what a list shows without computing anything anew. */
export function stateAt({ coolingAt, dormantAt }: Thresholds, at: Instant): Answer["state"] {
  if (dormantAt !== null && dormantAt <= at) return "dormant";
  return coolingAt !== null && coolingAt <= at ? "cooling" : "active";
}

/** x, tx and T in weeks. @param occasionsMs at least one, rising. */
export function historyOf(occasionsMs: readonly number[], lastContactAt: Instant, at: Instant): ContactHistory {
  const firstMs = occasionsMs[0]!;
  const x = occasionsMs.length - 1;
  return { x, tx: x === 0 ? 0 : (epochMs(lastContactAt) - firstMs) / weekMs, T: (epochMs(at) - firstMs) / weekMs };
}

function orderFor({ regularity: k }: DormancyInput, { order, regularityMin }: DormancyPolicy): readonly AnswerName[] {
  if (k === null || k < regularityMin) return order;
  return order.flatMap((name) => (name === "alive" ? ["rhythm", "alive"] : [name]));
}

function cadenceAnswer({ overdueFrom, at }: DormancyInput, { overdueDormantDays }: DormancyPolicy) {
  if (overdueFrom === null) return null;
  const thresholds = { coolingAt: overdueFrom, dormantAt: after(overdueFrom, overdueDormantDays * dayMs) };
  return { state: stateAt(thresholds, at), ...thresholds, overdue: overdueFrom <= at };
}

function rhythmAnswer(occasionsMs: readonly number[], lastContactAt: Instant, at: Instant, policy: DormancyPolicy) {
  const rhythm = ownRhythm(occasionsMs, epochMs(at) - epochMs(lastContactAt), policy);
  if (rhythm === null) return null;
  const thresholds = {
    coolingAt: after(lastContactAt, rhythm.coolingAfterMs),
    dormantAt: after(lastContactAt, rhythm.dormantAfterMs),
  };
  return { state: stateAt(thresholds, at), ...thresholds, ...rhythm };
}

function aliveAnswer(model: AliveModel, history: ContactHistory, lastContactAt: Instant, at: Instant, policy: DormancyPolicy) {
  const fallsTo = (threshold: number) => after(lastContactAt, silenceUntilAlive(model, history, threshold) * weekMs);
  const thresholds = { coolingAt: fallsTo(policy.aliveCooling), dormantAt: fallsTo(policy.aliveDormant) };
  return { state: stateAt(thresholds, at), ...thresholds, probability: aliveProbability(model, history), history };
}

/** The first instant not earlier than `ms` after another; null from the year 10000 on. */
function after(at: Instant, ms: number): Instant | null {
  return epochMs(at) + ms > epochMs(endOfTime) ? null : addMs(at, Math.ceil(ms));
}
