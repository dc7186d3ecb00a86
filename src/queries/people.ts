/** Questions about people: who they are, and how those of ours keep what they promise. */
import { z } from "zod";
import { DomainError } from "../domain/errors.ts";
import { keepingRate } from "../domain/keeping.ts";
import { accountId, instant, personId, slug } from "../domain/values.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import type { Views } from "../projections/views.ts";
import { keepingAnswer, keepingOf } from "./keeping-rates.ts";
import { contactTime, contactTimeAnswer } from "./balance.ts";
import { coachingAnswer, coachingOver } from "./coaching.ts";
import { countedOutcomes } from "./counted-outcomes.ts";
import { openPersonal, personalFields, type SealedAt } from "./personal.ts";
import { basis, decodeCursor, defineQuery, encodeCursor, page, pageOf } from "./query.ts";
import { basisOf, keepingOutcomes } from "./reading.ts";
import { ofPerson } from "./teams.ts";
import { trustAnswer, trustOptions, trustOver } from "./trust.ts";

const personAnswer = z.strictObject({
  id: personId,
  account: accountId.nullable().describe("Null for somebody of ours."),
  team: slug.nullable(),
  status: z.enum(["here", "left"]),
  places: z.array(z.strictObject({ account: accountId.optional(), team: slug.optional(), from: instant })),
  personal: personalFields,
  revision: z.int(),
});
type PersonRow = {
  id: string;
  account: string | null;
  team: string | null;
  status: string;
  places: string;
  sealed: string;
  revision: number;
};

const answerOf = ({ sealed: _, places, ...row }: PersonRow, personal: z.output<typeof personalFields>) =>
  ({
    id: row.id,
    account: row.account,
    team: row.team,
    status: row.status,
    places: JSON.parse(places) as unknown,
    personal,
    revision: row.revision,
  }) as z.output<typeof personAnswer>;

function requirePersonRow(views: Views, id: string): PersonRow {
  const row = views.get<PersonRow>(`SELECT id, account, team, status, places, sealed, revision FROM people WHERE id = ?`, [id]);
  if (row === undefined) throw new DomainError("person-not-found", `there is no person ${id}`);
  return row;
}

const onPerson = z.strictObject({ person: personId });

export const getPerson = defineQuery({
  name: "get-person",
  path: "/people/:person",
  tag: "People",
  summary: "A person",
  scope: "read",
  boundTo: (_present, party, { person }) => party === person,
  params: onPerson,
  query: z.strictObject({}),
  answer: z.strictObject({ ...personAnswer.shape, basis }),
  refusals: ["person-not-found"],
  async run(reading, { params, caller }) {
    const { row, rests } = reading.views.snapshot(() => ({
      row: requirePersonRow(reading.views, params.person),
      rests: basisOf(reading),
    }));
    const [personal] = await openPersonal(reading, caller, "get-person", [JSON.parse(row.sealed) as SealedAt]);
    return { ...answerOf(row, personal!), basis: rests };
  },
});

export const listPeople = defineQuery({
  name: "list-people",
  path: "/people",
  tag: "People",
  summary: "People, in order of their ids",
  scope: "read",
  params: z.strictObject({}),
  query: z.strictObject({ ...page, account: accountId.optional().describe("Those at this account."), team: slug.optional() }),
  answer: pageOf(personAnswer),
  refusals: [],
  async run(reading, { query, caller }) {
    const after = decodeCursor(query.after)?.[0] ?? "";
    const filters = (["account", "team"] as const).filter((column) => query[column] !== undefined);
    const sql = `SELECT id, account, team, status, places, sealed, revision FROM people WHERE id > ? ${filters.map((column) => `AND ${column} = ?`).join(" ")} ORDER BY id LIMIT ?`;
    const { rows, rests } = reading.views.snapshot(() => ({
      rows: reading.views.all<PersonRow>(sql, [after, ...filters.map((column) => query[column]!), query.limit + 1]),
      rests: basisOf(reading),
    }));
    const shown = rows.slice(0, query.limit);
    const personal = await openPersonal(
      reading,
      caller,
      "list-people",
      shown.map(({ sealed }) => JSON.parse(sealed) as SealedAt),
    );
    return {
      items: shown.map((row, index) => answerOf(row, personal[index]!)),
      next: rows.length > query.limit ? encodeCursor([shown.at(-1)!.id]) : null,
      basis: rests,
    };
  },
});

export const scorecard = defineQuery({
  name: "scorecard",
  path: "/people/:person/scorecard",
  tag: "Reports",
  summary: "How a person keeps what it promises",
  description:
    "Trust over all its promises, its keeping rate as a whole and by kind, how its contact time divides, and where it could do better.",
  scope: "read",
  boundTo: (_present, party, { person }) => party === person,
  params: onPerson,
  query: z.strictObject({}),
  answer: z.strictObject({
    person: personId,
    trust: trustAnswer,
    keeping: keepingAnswer,
    byKind: z.array(z.strictObject({ kind: slug, keeping: keepingAnswer })),
    accounts: z.array(z.strictObject({ account: accountId, trust: trustAnswer })),
    time: contactTimeAnswer,
    coaching: coachingAnswer,
    basis,
  }),
  refusals: ["person-not-found"],
  run(reading, { params: { person } }) {
    const { views } = reading;
    return views.snapshot(() => {
      requirePersonRow(views, person);
      const policy = policyInForce(views);
      const options = trustOptions(views, policy);
      const within = ofPerson(person);
      const rows = views.all<OccurrenceRow>(`SELECT * FROM occurrences WHERE promisor = ? ORDER BY at, position, occurrence`, [
        person,
      ]);
      const keepingFor = (some: readonly OccurrenceRow[]) => keepingOf(keepingRate(keepingOutcomes(some, reading)));
      return {
        person,
        trust: trustOver(rows, options, reading),
        keeping: keepingFor(rows),
        byKind: [...Map.groupBy(rows, ({ kind }) => kind)].map(([kind, some]) => ({
          kind: kind as z.output<typeof slug>,
          keeping: keepingFor(some),
        })),
        accounts: [...Map.groupBy(rows, ({ account }) => account)].map(([account, some]) => ({
          account: account as z.output<typeof accountId>,
          trust: trustOver(some, options, reading),
        })),
        time: contactTime(views, policy, { person }),
        coaching: coachingOver(views, within, countedOutcomes(views, { within, by: "promisor", and: "kind" }, reading), reading),
        basis: basisOf(reading),
      };
    });
  },
});
