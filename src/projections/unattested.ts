/** What the keeper still has to put on record, and from when on. */
import { type AssessmentInput, type Settlement } from "../domain/assess/settle.ts";
import {
  type Attestation,
  concludedDigest,
  countsOf,
  digestOf,
  holdsFrom,
  lapsedDigest,
  noVerdict,
  worthOf,
} from "../domain/attestation.ts";
import { isHeld } from "../domain/attesting.ts";
import type { Instant, PromiseId } from "../domain/values.ts";
import type { Tables } from "./projection.ts";

/** What the keeper has put on record of a promise, by occurrence; 0 is the promise as a whole. */
export const attestationsOf = (tables: Pick<Tables, "all">, id: string): Map<number, Attestation> =>
  new Map(
    tables
      .all<{ occurrence: number; digest: string; as_of: Instant }>(
        `SELECT occurrence, digest, as_of FROM attestations WHERE promise = ?`,
        [id],
      )
      .map(({ occurrence, digest, as_of }) => [occurrence, { digest, asOf: as_of }]),
  );

/** Ready from the beginning of time. */
const atOnce = "0000-01-01T00:00:00.000Z";

/** Compares what holds, or will hold when the clock speaks, with what the keeper has put on record. */
export function writeUnattested(tables: Tables, id: PromiseId, settlement: Settlement, input: AssessmentInput): void {
  const readyAt = isHeld(input) ? null : firstReadyAt(settlement, attestationsOf(tables, id));
  if (readyAt === null) tables.run(`DELETE FROM unattested WHERE promise = ?`, [id]);
  else tables.run(`INSERT OR REPLACE INTO unattested VALUES (?, ?)`, [id, readyAt]);
}

function firstReadyAt(settlement: Settlement, attestations: ReadonlyMap<number, Attestation>): string | null {
  let first: string | null = null;
  const put = (readyAt: string | null) => {
    if (readyAt !== null && (first === null || readyAt < first)) first = readyAt;
  };
  for (const one of settlement.occurrences) {
    const readyAt = holdsFrom(one);
    const onRecord = worthOf(attestations.get(one.number), readyAt);
    if (onRecord === digestOf(one.finding ?? one.clock)) continue;
    // What is on record and holds no more is withdrawn at once, even while the clock has not spoken anew.
    put(onRecord === noVerdict ? readyAt : atOnce);
  }
  const conclusion = conclusionOf(settlement);
  if (conclusion !== undefined && worthOf(attestations.get(0), conclusion.readyAt) !== conclusion.digest) put(conclusion.readyAt);
  return first;
}

/** What there is to put on record of the promise as a whole: a lapsed condition, or the end of a promise that bound. */
function conclusionOf({ exclusion, occurrences }: Settlement): { digest: string; readyAt: Instant | null } | undefined {
  if (exclusion !== undefined) {
    return exclusion.verdict === "condition-lapsed"
      ? { digest: lapsedDigest(exclusion.at), readyAt: exclusion.settlesAt }
      : undefined;
  }
  const verdicts = occurrences.flatMap(({ finding, clock }) => (finding ?? clock)?.verdict ?? []);
  const ends = occurrences.map(holdsFrom);
  if (verdicts.length < occurrences.length || occurrences.length === 0 || ends.includes(null)) return undefined;
  return {
    digest: concludedDigest(countsOf(verdicts)),
    readyAt: (ends as Instant[]).reduce((last, end) => (end > last ? end : last)),
  };
}
