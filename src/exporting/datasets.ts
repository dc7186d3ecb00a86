/**
 * What can be taken home: each dataset's columns, and the statement that gives them. The same names stand in exports, in the views of
 * `troth sql`, and in docs/exports.md. A column is never given another meaning; new ones are added at the end.
 */
import type { Instants } from "../queries/query.ts";

export type ColumnType = "text" | "integer" | "number" | "boolean" | "instant" | "json";
export type Column = { name: string; type: ColumnType; about: string };

export const datasetNames = [
  "events",
  "accounts",
  "people",
  "interactions",
  "promises",
  "occurrences",
  "outcomes",
  "trust",
  "dormancy",
  "keeping",
] as const;
export type DatasetName = (typeof datasetNames)[number];

export type Dataset = {
  name: DatasetName;
  /** One row each. */
  about: string;
  /** The columns by which rows are ordered, and from which an export goes on: as they lie in the file, so that nothing is sorted or read at random. */
  key: readonly string[];
  columns: readonly Column[];
  /** Where sealed text lies, as an expression; undefined where there is none. It is no column: text is opened for an export that asks for it. */
  sealed?: string;
  /** What follows FROM. */
  from(tables: Tables): string;
  /** An expression for each column, in order. */
  expressions(at: Literals): readonly string[];
};

/** The instants at which everything is read, as literals of SQL. */
type Literals = { asOf: string; knownAt: string };

/** What a table is called where it is read. */
export type Tables = (table: string) => string;
/** Of the running views, with the log attached. */
export const runningTables: Tables = (table) => (table === "events" ? "log.events" : `main.${table}`);

type Defined = [name: string, type: ColumnType, expression: string | ((at: Literals) => string), about: string];

function dataset(
  name: DatasetName,
  about: string,
  key: readonly string[],
  from: string | ((tables: Tables) => string),
  defined: readonly Defined[],
  sealed?: string,
): Dataset {
  return {
    ...{ name, about, key },
    columns: defined.map(([column, type, , said]) => ({ name: column, type, about: said })),
    ...(sealed === undefined ? {} : { sealed }),
    from: (tables) => (typeof from === "string" ? `${tables(from)} t` : from(tables)),
    expressions: (at) => defined.map(([, , expression]) => (typeof expression === "string" ? expression : expression(at))),
  };
}

const position: Defined = ["position", "integer", "t.position", "Place in the log of the event that made it."];

/** As `outcomeAt` has it. */
const hasEnded = ({ asOf, knownAt }: Literals): string =>
  `CASE WHEN t.by_clock = 0 THEN t.at <= ${asOf} ELSE t.deadline_at < ${asOf} AND t.settles_at IS NOT NULL AND t.settles_at <= ${knownAt} END`;
const onceEnded = (column: string) => (at: Literals) => `CASE WHEN ${hasEnded(at)} THEN t.${column} END`;

const leaf = (path: string): string => `CAST(t.leaf AS TEXT) ->> '$.${path}'`;

const events = dataset(
  "events",
  "An event of the log, as it was hashed.",
  ["position"],
  "events",
  [
    ["position", "integer", "t.position", "Place in the log, from 1 on, without gaps."],
    ["event", "text", "t.id", "Its id."],
    ["type", "text", leaf("type"), "What happened; docs/api.md lists the types."],
    ["stream", "text", "t.stream", "Whose history it belongs to."],
    ["revision", "integer", "t.revision", "Place in that history, from 0 on."],
    ["occurred_at", "instant", leaf("occurredAt"), "When it happened, as whoever recorded it says."],
    ["recorded_at", "instant", leaf("recordedAt"), "When the ledger took it."],
    ["account", "text", leaf("account"), "The account concerned; empty for none."],
    ["actor_kind", "text", leaf("actor.kind"), "`key`, `rule`, `clock` or `system`."],
    ["actor", "text", leaf("actor.id"), "Which key, rule or part of the system recorded it."],
    ["correlation", "text", leaf("correlation"), "What belongs together."],
    ["data", "json", "CAST(t.leaf AS TEXT) -> '$.data'", "What the event says. Nothing in it is personal."],
  ],
  "CAST(t.leaf AS TEXT) -> '$.sealed'",
);

const accounts = dataset(
  "accounts",
  "An account as it stands.",
  ["account"],
  "accounts",
  [
    ["account", "text", "t.id", "Its id."],
    ["status", "text", "t.status", "`open` or `closed`."],
    ["opened_at", "instant", "t.opened_at", "When the relationship began."],
    ["time_zone", "text", "t.time_zone", "In which its dates are meant."],
    ["owner", "text", "t.owner", "Who of ours owns it."],
    ["tags", "json", "t.tags", "Its tags."],
    position,
  ],
  "t.sealed",
);

const people = dataset(
  "people",
  "A person, of ours or at an account.",
  ["person"],
  "people",
  [
    ["person", "text", "t.id", "Its id."],
    ["account", "text", "t.account", "Where the person is now; empty for somebody of ours."],
    ["team", "text", "t.team", "The person's team now."],
    ["status", "text", "t.status", "`here` or `left`."],
    ["places", "json", "t.places", "Every place held, each from when on."],
    position,
  ],
  "t.sealed",
);

const interactions = dataset(
  "interactions",
  "An interaction, as corrected.",
  ["account", "started_at", "interaction"],
  "interactions",
  [
    ["interaction", "text", "t.id", "Its id."],
    ["account", "text", "t.account", "With whom."],
    ["started_at", "instant", "t.started_at", "When it began."],
    ["recorded_at", "instant", "t.recorded_at", "When this form of it was recorded."],
    ["kind", "text", "t.kind", "A visit, a call, a letter …"],
    ["purpose", "text", "t.purpose", "What for."],
    ["direction", "text", "t.direction", "`inbound`, `outbound` or `mutual`."],
    ["channel", "text", "t.channel", "By which means."],
    ["minutes", "integer", "t.minutes", "How long it took."],
    ["participants", "json", "t.participants", "Ids of those who took part."],
    ["tags", "json", "t.tags", "Its tags."],
    ["recorded_for", "text", "t.recorded_for", "On whose behalf it was recorded, where somebody is named."],
    ["is_corrected", "boolean", "t.is_corrected", "It once said something else."],
    ["is_retracted", "boolean", "t.is_retracted", "It did not happen, and counts nowhere."],
    position,
  ],
  "t.sealed",
);

const promises = dataset(
  "promises",
  "A promise, as said.",
  ["account", "position"],
  "promises",
  [
    ["promise", "text", "t.id", "Its id."],
    ["account", "text", "t.account", "The account concerned."],
    ["promisor", "text", "t.promisor", "Who promises."],
    ["promisee", "text", "t.promisee", "To whom."],
    ["direction", "text", "t.direction", "`given` by our side, or `received`."],
    ["kind", "text", "t.kind", "Of which kind."],
    ["status", "text", "t.status", "What was said of it last; whether it was kept is for its occurrences to say."],
    ["made_at", "instant", "t.made_at", "When it was made."],
    ["agreement", "text", "t.agreement", "The agreement that it is part of."],
    ["weight", "number", "t.facts ->> '$.weight'", "How much it counts in trust."],
    ["form", "text", "t.facts ->> '$.offer.terms.type'", "`once`, `recurring` or `abstain`."],
    ["proof", "text", "t.facts ->> '$.offer.proof'", "What shows a keeping."],
    ["terms", "json", "t.facts -> '$.offer.terms'", "Its terms as they stand."],
    position,
  ],
  "t.sealed",
);

const occurrences = dataset(
  "occurrences",
  "One thing to be kept, and whether it was. Number 0 stands for a promise that never came to bind.",
  ["account", "promise", "occurrence"],
  "occurrences",
  [
    ["promise", "text", "t.promise", "The promise."],
    ["occurrence", "integer", "t.occurrence", "Which of its occurrences, from 1 on."],
    ["account", "text", "t.account", "The account concerned."],
    ["promisor", "text", "t.promisor", "Who had to keep it when it was due."],
    ["promisee", "text", "t.promisee", "To whom."],
    ["direction", "text", "t.direction", "`given` or `received`."],
    ["kind", "text", "t.kind", "Kind of the promise."],
    ["form", "text", "t.form", "`once`, `recurring`, `abstain`, or `whole` for number 0."],
    ["date", "text", "t.date", "The date of a recurring one."],
    ["opens_at", "instant", "t.opens_at", "From when on it can be kept."],
    ["due_at", "instant", "t.due_at", "By when."],
    ["deadline_at", "instant", "t.deadline_at", "Due and grace: not broken before."],
    [
      "standing",
      "text",
      (at) =>
        `CASE WHEN t.verdict IS NOT NULL AND ${hasEnded(at)} THEN t.verdict WHEN t.by_clock = 1 AND t.deadline_at < ${at.asOf} AND t.occurrence > 0 THEN 'pending' ELSE 'open' END`,
      "The verdict once it has ended; `pending` past the deadline and unsettled; `open` before.",
    ],
    ["ended_at", "instant", onceEnded("at"), "When it was kept, broken or ended otherwise."],
    [
      "credit",
      "number",
      (at) => `rounded(${onceEnded("credit")(at)})`,
      "0 broken, 1 kept, between them kept late or in part; empty where it does not count.",
    ],
    ["lateness_ms", "integer", onceEnded("lateness_ms"), "How late it was kept."],
    ["reason", "text", onceEnded("reason"), "Which rule says so."],
    ["evidence", "json", (at) => `CASE WHEN ${hasEnded(at)} THEN t.evidence ELSE '[]' END`, "Ids of what shows it."],
    ["recording_delay_ms", "integer", onceEnded("recording_delay_ms"), "From the keeping or the act to its recording."],
    ["settles_at", "instant", "t.settles_at", "From when on the clock may say that it is broken, where it has a say."],
    ["weight", "number", "t.weight", "How much it counts in trust."],
    ["is_disputed", "boolean", "t.if_upheld IS NOT NULL", "A dispute about it is open."],
    ["flags", "json", "t.flags", "What to know about how it was settled."],
    position,
  ],
);

const outcomes = dataset(
  "outcomes",
  "What came of the relationship: won, lost, renewed, churned.",
  ["outcome"],
  "business_outcomes",
  [
    ["outcome", "text", "t.id", "Its id."],
    ["account", "text", "t.account", "The account."],
    ["kind", "text", "t.kind", "`won`, `lost`, `renewed` or `churned`."],
    ["amount", "text", "t.value", "The amount as a decimal, as it was told."],
    ["currency", "text", "t.currency", "Its currency."],
    ["occurred_at", "instant", "t.occurred_at", "When."],
    ["is_retracted", "boolean", "t.is_retracted", "It did not happen, and counts nowhere."],
    position,
  ],
  "t.sealed",
);

const trustOf = (field: string): string => `trust_of(t.id, d.direction, '${field}')`;

const trust = dataset(
  "trust",
  "How far an account can rely on us, or we on it.",
  ["account", "direction"],
  (tables) => `${tables("accounts")} t CROSS JOIN (SELECT 'given' AS direction UNION ALL SELECT 'received') d`,
  [
    ["account", "text", "t.id", "The account."],
    ["direction", "text", "d.direction", "`given`: its trust in us. `received`: ours in it."],
    ["score", "number", trustOf("score"), "Mean of the posterior, 0 to 1."],
    ["band_low", "number", trustOf("band_low"), "Lower end of the middle 95 %."],
    ["band_high", "number", trustOf("band_high"), "Upper end."],
    ["positive", "number", trustOf("positive"), "Decayed weight of what was kept."],
    ["negative", "number", trustOf("negative"), "Decayed weight of what was not."],
    ["prior", "number", trustOf("prior"), "Where it starts, and where silence leads."],
    ["outcomes", "integer", trustOf("outcomes"), "How many outcomes it rests on."],
    ["pending", "integer", trustOf("pending"), "Past their deadline and unsettled; no part of the score."],
  ],
);

const dormancy = dataset("dormancy", "Whether an account has gone quiet.", ["account"], "dormancy", [
  ["account", "text", "t.account", "The account."],
  [
    "state",
    "text",
    ({ asOf }) =>
      `CASE WHEN t.decided_by = 'history' THEN 'new' WHEN t.dormant_at <= ${asOf} THEN 'dormant' WHEN t.cooling_at <= ${asOf} THEN 'cooling' ELSE 'active' END`,
    "`new`, `active`, `cooling` or `dormant`.",
  ],
  [
    "decided_by",
    "text",
    "t.decided_by",
    "Which answer decided: `cadence`, `rhythm`, `alive`; `history` where there is too little of it.",
  ],
  ["contacts", "integer", "t.contacts", "Occasions of contact that qualify."],
  ["first_contact_at", "instant", "t.first_contact_at", "The first."],
  ["last_contact_at", "instant", "t.last_contact_at", "The last."],
  ["cooling_at", "instant", "t.cooling_at", "When it turns cooling unless it is contacted before."],
  ["dormant_at", "instant", "t.dormant_at", "When it turns dormant."],
]);

const keepingOf = (field: string): string => `keeping_of(t.promisor, t.direction, '${field}')`;

const keeping = dataset(
  "keeping",
  "How often a party keeps what it promises.",
  ["promisor", "direction"],
  (tables) => `(SELECT DISTINCT promisor, direction FROM ${tables("occurrences")}) t`,
  [
    ["promisor", "text", "t.promisor", "Who promised."],
    ["direction", "text", "t.direction", "`given` or `received`."],
    ["kept", "integer", keepingOf("kept"), "Kept in time."],
    ["kept_late", "integer", keepingOf("kept_late"), "Kept, and late."],
    ["partly_kept", "integer", keepingOf("partly_kept"), "Kept in part."],
    ["broken", "integer", keepingOf("broken"), "Broken."],
    ["pending", "integer", keepingOf("pending"), "Past their deadline and unsettled; no part of the rate."],
    ["excluded", "integer", keepingOf("excluded"), "Ended without counting: released, waived and the like."],
    ["rate", "number", keepingOf("rate"), "Kept, late ones included, of all that count; empty where none does."],
    ["rate_low", "number", keepingOf("rate_low"), "Lower end of Wilson's 95 % interval."],
    ["rate_high", "number", keepingOf("rate_high"), "Upper end."],
    ["mean_credit", "number", keepingOf("mean_credit"), "Mean of the credits."],
  ],
);

export const datasets: Readonly<Record<DatasetName, Dataset>> = {
  ...{ events, accounts, people, interactions, promises, occurrences, outcomes, trust, dormancy, keeping },
};

/** Text that is opened for whoever may read it; a column of exports alone. */
export const personalColumn: Column = {
  name: "personal",
  type: "json",
  about: "Sealed text by field, opened; only where `personal` was asked for.",
};

/** For whoever asks for text where there is none. */
export const noTextReason = (dataset: DatasetName): string => `there is no sealed text in \`${dataset}\``;

/**
 * The statement that gives a dataset's rows.
 * @param at from a schema: both become part of the statement.
 * @param withSealed one more column, `sealed`, at the end.
 */
export function selectOf(of: Dataset, { asOf, knownAt }: Instants, tables: Tables, withSealed = false): string {
  const expressions = of.expressions({ asOf: `'${asOf}'`, knownAt: `'${knownAt}'` });
  const named = expressions.map((expression, index) => `${expression} AS ${of.columns[index]!.name}`);
  if (withSealed && of.sealed !== undefined) named.push(`${of.sealed} AS sealed`);
  return `SELECT ${named.join(", ")} FROM ${of.from(tables)}`;
}
