/** Every projection, in the order in which each batch is applied and settled: promises before dormancy, which asks them what is overdue. */
import { createHash } from "node:crypto";
import { accounts } from "./accounts.ts";
import { activity } from "./activity.ts";
import { businessOutcomes } from "./business-outcomes.ts";
import { dormancy } from "./dormancy.ts";
import { interactions } from "./interactions.ts";
import { keys } from "./keys.ts";
import { parameters } from "./parameters.ts";
import { people } from "./people.ts";
import type { Projection } from "./projection.ts";
import { promises } from "./promises.ts";

export const projections: readonly Projection[] = [
  parameters,
  accounts,
  people,
  interactions,
  promises,
  dormancy,
  activity,
  businessOutcomes,
  keys,
];

/** Changes whenever any projection does: views of another fingerprint are built anew, beside the old ones. */
export const fingerprint = (of: readonly Projection[]): string =>
  createHash("sha256")
    .update(JSON.stringify(of.map(({ name, version, schema }) => [name, version, schema])))
    .digest("hex")
    .slice(0, 16);
