/**
 * Puts on record what `assess` concludes, for subscribers and auditors. Facts decide, verdicts attest: nothing that the keeper
 * records is ever input to a judgement, so it may run on every node, stop for a week, and start again.
 */
import { createHash } from "node:crypto";
import { assess } from "../domain/assess/assess.ts";
import { assessmentRule } from "../domain/assess/settle.ts";
import { verdictsOf } from "../domain/attesting.ts";
import type { Draft } from "../domain/decider.ts";
import type { Basis, VerdictEvent } from "../domain/promise/events.ts";
import type { Instant } from "../domain/values.ts";
import { type Ledger, StaleRevisionError } from "../ledger/ledger.ts";
import { policyInForce } from "../projections/parameters.ts";
import { assessmentInputOf } from "../projections/assessment-input.ts";
import { attestationsOf } from "../projections/unattested.ts";
import type { ViewsHost } from "../projections/reader.ts";
import type { Views } from "../projections/views.ts";

/** Appends of one round share the store's group commit. */
const promisesPerRound = 200;
/** Events in one append: a series of a year that comes from a load is put on record in a few of them. */
const verdictsPerAppend = 50;

const actor = { kind: "rule", id: `assess-${assessmentRule}` } as const;

type Due = { id: string; revision: number; drafts: Draft<VerdictEvent>[]; digest: string };

export class Keeper {
  readonly #ledger: Ledger;
  readonly #host: ViewsHost;
  /** Positions of what this keeper recorded and the views may not have applied yet. */
  readonly #attestedAt = new Map<string, number>();

  constructor(ledger: Ledger, host: ViewsHost) {
    this.#ledger = ledger;
    this.#host = host;
  }

  /**
   * Records the verdicts that are ready by the views as they stand, of at most `promisesPerRound` promises. It does not make the
   * views hurry: while many write, verdicts may be put on record a little later.
   * @returns how many events were added.
   */
  async round(): Promise<number> {
    const { views } = this.#host;
    const now = this.#ledger.now();
    const due = views.snapshot(() => {
      const position = views.position();
      return readyPromises(views, now)
        .filter((id) => !this.#isAhead(id, position))
        .map((id) => dueOf(views, id, now));
    });
    const added = await Promise.all(due.map((each) => this.#attest(each)));
    return added.reduce((sum, count) => sum + count, 0);
  }

  /** Records until nothing is ready, with the views at the end of the log. @returns how many events were added. */
  async settle(): Promise<number> {
    let total = 0;
    for (;;) {
      await this.#host.caughtUp(this.#ledger.lastPosition);
      const added = await this.round();
      if (added === 0) return total;
      total += added;
    }
  }

  /** What was put on record of it is not in the views yet. */
  #isAhead(id: string, position: number): boolean {
    const attestedAt = this.#attestedAt.get(id);
    if (attestedAt === undefined) return false;
    if (attestedAt > position) return true;
    this.#attestedAt.delete(id);
    return false;
  }

  async #attest({ id, revision, drafts, digest }: Due): Promise<number> {
    if (drafts.length === 0) return 0;
    const identity = { scope: "keeper", key: `${revision}/${digest}`, fingerprint: digest };
    try {
      const { events, position } = await this.#ledger.attest(`promise-${id}`, revision, drafts, identity, actor);
      this.#attestedAt.set(id, position);
      return events.length;
    } catch (error) {
      // Something was said of it meanwhile, or another node's keeper was first. The next round looks again.
      if (error instanceof StaleRevisionError) return 0;
      throw error;
    }
  }
}

const readyPromises = (views: Views, now: Instant): string[] =>
  views
    .all<{ promise: string }>(`SELECT promise FROM unattested WHERE ready_at <= ? ORDER BY ready_at, promise LIMIT ?`, [
      now,
      promisesPerRound,
    ])
    .map(({ promise }) => promise);

/** What is to be put on record of a promise now, as far as one append goes. */
function dueOf(views: Views, id: string, now: Instant): Due {
  const { revision } = views.get<{ revision: number }>(`SELECT revision FROM promises WHERE id = ?`, [id])!;
  const policy = policyInForce(views);
  const input = assessmentInputOf(views, id, policy)!;
  const basis: Basis = { size: views.position(), asOf: now, rule: assessmentRule, policy: policy.version };
  const drafts = verdictsOf(input, assess(input, now, now), attestationsOf(views, id), basis).slice(0, verdictsPerAppend);
  return {
    id,
    revision,
    drafts,
    digest: createHash("sha256")
      .update(JSON.stringify(drafts.map(({ type, data }) => [type, { ...data, basis: null }])))
      .digest("hex"),
  };
}
