/** How a team keeps what it promises: who keeps, who is late, and at what kind of promise. */
import { z } from "zod";
import { keepingRate } from "../domain/keeping.ts";
import { type Instant, personId, slug } from "../domain/values.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import { coachingAnswer, coachingOver } from "./coaching.ts";
import { keepingAnswer, keepingOf, ranked } from "./keeping-rates.ts";
import { basis, defineQuery } from "./query.ts";
import { basisOf, keepingOutcomes } from "./reading.ts";
import { teamsIn } from "./teams.ts";
import { trustAnswer, trustOptions, trustOver } from "./trust.ts";

export const teamScorecard = defineQuery({
  name: "team-scorecard",
  path: "/teams/:team/scorecard",
  tag: "Reports",
  summary: "How a team keeps what it promises",
  description:
    "What fell due while the promisor was in the team: trust and keeping as a whole, by person with the empirical-Bayes rank among them, and by kind; where it is late, what it misses, what hangs over it. Empty for a team that nobody was ever in.",
  scope: "read",
  isHeavy: true,
  params: z.strictObject({ team: slug }),
  query: z.strictObject({}),
  answer: z.strictObject({
    team: slug,
    trust: trustAnswer,
    keeping: keepingAnswer,
    people: z.array(
      z.strictObject({
        person: personId,
        isHere: z.boolean().describe("In the team at the instant asked for."),
        trust: trustAnswer,
        keeping: keepingAnswer,
        ranking: z.strictObject({ estimate: z.number(), rank: z.int() }).nullable(),
      }),
    ),
    byKind: z.array(z.strictObject({ kind: slug, keeping: keepingAnswer })),
    coaching: coachingAnswer,
    basis,
  }),
  refusals: [],
  run(reading, { params: { team } }) {
    const { views, asOf } = reading;
    return views.snapshot(() => {
      const options = trustOptions(views, policyInForce(views));
      const teams = teamsIn(views);
      const members = teams.membersOf(team);
      const rows = views
        .all<OccurrenceRow>(
          `SELECT * FROM occurrences WHERE promisor IN (SELECT value FROM json_each(?)) ORDER BY at, position, occurrence`,
          [JSON.stringify(members)],
        )
        .filter(({ promisor, due_at, at }) => teams.teamOf(promisor, (due_at ?? at) as Instant | null) === team);
      const keepingFor = (some: readonly OccurrenceRow[]) => keepingOf(keepingRate(keepingOutcomes(some, reading)));
      const byPerson = Map.groupBy(rows, ({ promisor }) => promisor);
      const people = members.map((person) => ({
        group: person,
        isHere: teams.teamOf(person, asOf) === team,
        trust: trustOver(byPerson.get(person) ?? [], options, reading),
        keeping: keepingFor(byPerson.get(person) ?? []),
      }));
      return {
        team,
        trust: trustOver(rows, options, reading),
        keeping: keepingFor(rows),
        people: ranked(people).map(({ group, ...rest }) => ({ person: group as z.output<typeof personId>, ...rest })),
        byKind: [...Map.groupBy(rows, ({ kind }) => kind)].map(([kind, some]) => ({
          kind: kind as z.output<typeof slug>,
          keeping: keepingFor(some),
        })),
        coaching: coachingOver(rows, reading),
        basis: basisOf(reading),
      };
    });
  },
});
