/** What would hold under another policy: what is asked, and what is answered. */
import { z } from "zod";
import { policyDocument } from "../domain/policy.ts";
import { accountId, type Instant, instant, partyId, personId, slug } from "../domain/values.ts";
import { basis } from "../queries/query.ts";
import { knownAtText } from "../queries/vantage.ts";

/** Which part of the ledger is looked at; all of it where nothing is said. */
export const whatIfSlice = z.strictObject({
  accounts: z.array(accountId).min(1).max(1_000).optional().describe("These accounts."),
  owner: personId.optional().describe("Accounts that this person owns."),
  team: slug.optional().describe("Accounts whose owner is in this team."),
  promisor: partyId.optional().describe("What this party promised, and trust from it alone."),
  from: instant.optional().describe("Outcomes from this instant on; trust and dormancy rest on the whole record all the same."),
  until: instant.optional().describe("Outcomes before this instant."),
});
export type WhatIfSlice = z.output<typeof whatIfSlice>;

export const whatIfRequest = z.strictObject({
  policy: policyDocument.describe("The other policy, whole: what is left out takes its default, not what is in force."),
  graceMinutes: z
    .int()
    .min(0)
    .max(525_600)
    .optional()
    .describe("Every promise is judged as if it had been made with this grace; its own where absent."),
  slice: whatIfSlice.prefault({}).refine(({ from, until }) => from === undefined || until === undefined || from <= until, {
    path: ["until"],
    error: "must not be earlier than `from`",
  }),
  knownAt: z
    .union([z.int().min(0), knownAtText])
    .optional()
    .describe(
      "Both sides rest on what was known then, and are read at that instant: a size of the log, an instant, or both as `size@instant`. Now where absent.",
    ),
});
export type WhatIfRequest = z.output<typeof whatIfRequest>;

/** What the analysis rests on; `policy` is the version in force that the other policy is held against. */

export const differenceKinds = ["verdict", "trust", "rapport", "dormancy", "keeping"] as const;
export type DifferenceKind = (typeof differenceKinds)[number];

/** Why something differs: the rule that makes it so, in a word for machines and in a sentence for people. */
const reason = z.strictObject({ rule: z.string(), text: z.string() });
export type Reason = z.output<typeof reason>;

const standing = z.strictObject({
  standing: z.string().describe("The verdict; `pending` past the deadline and unsettled, `open` before it."),
  at: instant.nullable(),
  credit: z.number().nullable(),
  reason: z.string().nullable(),
  deadlineAt: instant.nullable(),
  settlesAt: instant.nullable().describe("From when on the clock may speak, where it has a say."),
});

export const verdictDifference = z.strictObject({
  kind: z.literal("verdict"),
  account: z.string(),
  promise: z.string(),
  occurrence: z.int(),
  promisor: z.string(),
  before: standing,
  after: standing,
  why: z.array(reason),
});

const scored = z.strictObject({
  score: z.number(),
  band: z.strictObject({ low: z.number(), high: z.number() }),
  outcomes: z.int(),
});

export const trustDifference = z.strictObject({
  kind: z.literal("trust"),
  account: z.string(),
  direction: z.string(),
  before: scored,
  after: scored,
  change: z
    .strictObject({ total: z.number(), verdicts: z.number(), halfLife: z.number(), prior: z.number(), contacts: z.number() })
    .describe("`total` is the sum of the others: one rule after another is replaced, in this order."),
});

const rapport = z.strictObject({
  score: z.number(),
  twoWayShare: z.number().nullable(),
  selfOrientation: z.number().nullable(),
  interactions: z.int(),
});

export const rapportDifference = z.strictObject({
  kind: z.literal("rapport"),
  account: z.string(),
  before: rapport,
  after: rapport,
});

const quiet = z.strictObject({
  state: z.string(),
  decidedBy: z.string(),
  coolingAt: instant.nullable(),
  dormantAt: instant.nullable(),
  contacts: z.int(),
  lastContactAt: instant.nullable(),
});

export const dormancyDifference = z.strictObject({
  kind: z.literal("dormancy"),
  account: z.string(),
  before: quiet,
  after: quiet,
  why: z.array(reason),
});

const keepingRank = z
  .strictObject({ estimate: z.number(), rank: z.int() })
  .nullable()
  .describe("Empirical Bayes among the groups; null where it can't be fitted, and for accounts, which are not ranked.");

const kept = z.strictObject({
  kept: z.int(),
  keptLate: z.int(),
  partlyKept: z.int(),
  broken: z.int(),
  pending: z.int(),
  excluded: z.int(),
  rate: z.number().nullable().describe("Late keepings counted as kept; null where there is nothing to count."),
  meanCredit: z.number().nullable(),
  ranking: keepingRank,
});

export const keepingGroupings = ["all", "promisor", "team", "kind", "account"] as const;

export const keepingDifference = z.strictObject({
  kind: z.literal("keeping"),
  by: z.enum(keepingGroupings),
  group: z.string().nullable(),
  before: kept,
  after: kept,
});

export const difference = z.discriminatedUnion("kind", [
  verdictDifference,
  trustDifference,
  rapportDifference,
  dormancyDifference,
  keepingDifference,
]);
export type Difference = z.output<typeof difference>;
export type DifferenceOf<Kind extends DifferenceKind> = Extract<Difference, { kind: Kind }>;
export type Standing = DifferenceOf<"verdict">["before"];
export type KeepingSide = DifferenceOf<"keeping">["before"];

const counted = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    compared: z.int(),
    changed: z.int(),
    largest: z.array(item).describe("The largest changes, at most ten."),
  });
const moves = z
  .array(z.strictObject({ before: z.string(), after: z.string(), times: z.int() }))
  .describe("From what to what, most often first.");

export const whatIfSummary = z.strictObject({
  basis,
  accounts: z.int().describe("How many were compared."),
  verdicts: z.strictObject({ ...counted(verdictDifference).shape, moves }),
  trust: z.strictObject({ ...counted(trustDifference).shape, raised: z.int(), lowered: z.int() }),
  rapport: counted(rapportDifference),
  dormancy: z.strictObject({ ...counted(dormancyDifference).shape, moves }),
  keeping: z.strictObject({ ...counted(keepingDifference).shape, all: z.strictObject({ before: kept, after: kept }) }),
});
export type WhatIfSummary = z.output<typeof whatIfSummary>;

/** `building` what was known then, `comparing` account by account. `done` of `of` events or accounts. */
export const whatIfProgress = z.strictObject({
  phase: z.enum(["waiting", "building", "comparing", "done"]),
  done: z.int(),
  of: z.int(),
});
export type WhatIfProgress = z.output<typeof whatIfProgress>;

export const whatIfJob = z.strictObject({
  id: z.string(),
  state: z.enum(["waiting", "running", "done", "failed"]),
  progress: whatIfProgress,
  askedAt: instant,
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  keptUntil: instant.nullable().describe("When the answer is thrown away, or before, where many others were asked since."),
  summary: whatIfSummary.nullable(),
  failure: z.string().nullable(),
});
export type WhatIfJob = z.output<typeof whatIfJob>;

/** A place in the list of differences, in its order: kind, the largest change first. */
export type DifferencePlace = [kind: number, rankedBy: number, number: number];

export type DifferencePage = { items: string[]; next: DifferencePlace | null };

/** Questions under way and answered. They are no events: nothing of them is recorded. */
export interface WhatIfJobs {
  /**
   * @param id of the job; where there is one of this id, that one is meant.
   * @param known what `knownAt` means; nothing where it is absent.
   * @throws WhatIfsFullError when as many wait as may.
   */
  start(id: string, request: WhatIfRequest, known: Known | undefined): WhatIfJob;
  get(id: string): WhatIfJob | undefined;
  list(): WhatIfJob[];
  /** What was asked; undefined for an unknown job. */
  requestOf(id: string): WhatIfRequest | undefined;
  /** At most `limit` differences after a place, each as JSON. Empty unless the job is done. */
  differences(
    id: string,
    asked: { kind?: DifferenceKind | undefined; after?: DifferencePlace | undefined; limit: number },
  ): DifferencePage;
  /** Ends it where it runs, and leaves nothing of it. @returns false for an unknown one. */
  remove(id: string): Promise<boolean>;
  /** Resolves when the job has ended one way or another, or is gone. */
  ended(id: string): Promise<void>;
}

/** As many questions wait as may. */
export class WhatIfsFullError extends Error {
  constructor(waiting: number) {
    super(`${waiting} questions wait already; ask again when one of them has been answered`);
    this.name = "WhatIfsFullError";
  }
}

/** How many events were known, and the instant at which they are read. */
export type Known = { size: number; knownAt: Instant };

/** The instants at which both sides are read. */
export type Reading = { asOf: Instant; knownAt: Instant };
