/** How a team keeps what it promises: who keeps, who is late, and at what kind of promise. */
import { z } from "zod";
import { keepingRate } from "../domain/keeping.ts";
import { priorMeanAt, trustOfSums } from "../domain/trust.ts";
import { DomainError } from "../domain/errors.ts";
import { personId, slug } from "../domain/values.ts";
import { policyInForce } from "../projections/parameters.ts";
import { coachingAnswer, coachingOver } from "./coaching.ts";
import { countedOutcomes } from "./counted-outcomes.ts";
import { keepingAnswer, keepingOf, ranked } from "./keeping-rates.ts";
import { basis, defineQuery } from "./query.ts";
import { basisOf } from "./reading.ts";
import { teamsIn } from "./teams.ts";
import { trustAnswer, trustAnswerOf, trustOptions } from "./trust.ts";
import { type GroupSums, summed, trustSums } from "./trust-report.ts";

export const teamScorecard = defineQuery({
  name: "team-scorecard",
  path: "/teams/:team/scorecard",
  tag: "Reports",
  summary: "How a team keeps what it promises",
  description:
    "What fell due while the promisor was in the team: trust and keeping as a whole, by person with the empirical-Bayes rank among them, and by kind; where it is late, what it misses, what hangs over it.",
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
  refusals: ["team-not-found"],
  run(reading, { params: { team } }) {
    const { views, asOf } = reading;
    return views.snapshot(() => {
      const options = trustOptions(views, policyInForce(views));
      const prior = priorMeanAt(options, asOf);
      const teams = teamsIn(views);
      const members = teams.membersOf(team);
      if (members.length === 0) throw new DomainError("team-not-found", `nobody was ever in a team ${team}`);
      const within = teams.within(team);
      const counted = countedOutcomes(views, { within, by: "promisor", and: "kind" }, reading);
      const sums = trustSums(views, { within, by: "promisor" }, options, reading);
      const trustOf = (some: readonly GroupSums[]) => {
        const { pending, ...sum } = summed(some);
        return trustAnswerOf(trustOfSums({ ...sum, prior }, asOf), pending);
      };
      const people = members.map((person) => ({
        group: person,
        isHere: teams.teamOf(person, asOf) === team,
        trust: trustOf(sums.filter(({ group }) => group === person)),
        keeping: keepingOf(keepingRate(counted.filter(({ group }) => group === person))),
      }));
      return {
        team,
        trust: trustOf(sums),
        keeping: keepingOf(keepingRate(counted)),
        people: ranked(people).map(({ group, ...rest }) => ({ person: group as z.output<typeof personId>, ...rest })),
        byKind: [...Map.groupBy(counted, ({ and }) => and)].map(([kind, some]) => ({
          kind: kind as z.output<typeof slug>,
          keeping: keepingOf(keepingRate(some)),
        })),
        coaching: coachingOver(views, within, counted, reading),
        basis: basisOf(reading),
      };
    });
  },
});
