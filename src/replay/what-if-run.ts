/** Answers a question: both sides account by account, differences as they are found, a summary at the end. */
import { join } from "node:path";
import { type AccountId, type Instant, promiseDirection } from "../domain/values.ts";
import type { Log } from "../event-store/log.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import { projections } from "../projections/registry.ts";
import type { Views } from "../projections/views.ts";
import { trustOptions } from "../queries/trust.ts";
import type { DifferenceKind, Known, WhatIfProgress, WhatIfRequest, WhatIfSlice, WhatIfSummary } from "./what-if.ts";
import { type Comparison, dormancyDifference, rapportDifference, sizeOfDormancy, trustDifference } from "./what-if-accounts.ts";
import { type DifferenceWriter, openDifferencesForWriting } from "./what-if-differences.ts";
import { isSameKeeping, keepingSide, KeepingTally, outcomesWithin, sizeOfKeeping } from "./what-if-keeping.ts";
import { changeTo } from "./what-if-rules.ts";
import { buildViews, chunksOf, openSides, type Sides } from "./what-if-sides.ts";
import { sizeOfVerdict, verdictDifferences } from "./what-if-verdicts.ts";

export type WhatIfInput = {
  request: WhatIfRequest;
  /** Where `knownAt` was asked for. */
  known?: Known | undefined;
  log: Log;
  /** The running views, under the policy in force. */
  viewsPath: string;
  /** A folder of its own, empty. Of what is left in it at the end `differencesPath` is the answer; whoever calls removes it all. */
  workFolder: string;
  now: Instant;
  /** Awaited every few accounts and every batch of events, so that whoever calls can rest or turn back. */
  onProgress(progress: WhatIfProgress): Promise<void>;
};

export const differencesPath = (workFolder: string): string => join(workFolder, "differences.db");
const scratchPath = (workFolder: string): string => join(workFolder, "scratch.db");
const builtPath = (workFolder: string): string => join(workFolder, "views.db");
/** What is of no use once the answer is there. */
export const scratchPaths = (workFolder: string): string[] => [scratchPath, builtPath].map((path) => path(workFolder));

/** What a comparison reads. */
const used = projections.filter(({ name }) => !["activity", "keys", "business-outcomes"].includes(name));

export async function runWhatIf(input: WhatIfInput): Promise<WhatIfSummary> {
  const { known, log, viewsPath, workFolder, onProgress } = input;
  if (known === undefined) return compared(input, viewsPath, input.now);
  const path = builtPath(workFolder);
  await buildViews(log, known.size, path, used, (done, of) => onProgress({ phase: "building", done, of }));
  return compared(input, path, known.knownAt);
}

async function compared(input: WhatIfInput, viewsPath: string, at: Instant): Promise<WhatIfSummary> {
  const { request, workFolder, onProgress } = input;
  const sides = openSides(viewsPath, scratchPath(workFolder), (inForce) => changeTo(request, inForce));
  const differences = openDifferencesForWriting(differencesPath(workFolder));
  try {
    const question = new Question(request, sides, differences, at);
    const { where, parameters } = accountsIn(request.slice);
    const of = sides.before.get<{ count: number }>(`SELECT count(*) AS count FROM accounts WHERE ${where}`, parameters)!.count;
    for (const chunk of chunksOf(sides.before, where, parameters)) {
      question.compare(chunk);
      await onProgress({ phase: "comparing", done: question.accounts, of });
    }
    return question.summary();
  } finally {
    differences.close();
    sides.close();
  }
}

/** Which accounts a slice looks at, as a condition on `accounts`. */
function accountsIn({ accounts, owner, team, promisor }: WhatIfSlice): { where: string; parameters: string[] } {
  const conditions: [sql: string, parameter: string | undefined][] = [
    ["id IN (SELECT value FROM json_each(?))", accounts && JSON.stringify(accounts)],
    ["owner = ?", owner],
    ["owner IN (SELECT id FROM people WHERE team = ?)", team],
    ["id IN (SELECT account FROM occurrences WHERE promisor = ?)", promisor],
  ];
  const asked = conditions.filter(([, parameter]) => parameter !== undefined);
  return { where: ["TRUE", ...asked.map(([sql]) => sql)].join(" AND "), parameters: asked.map(([, parameter]) => parameter!) };
}

const largestCount = 10;

class Question {
  readonly #slice: WhatIfSlice;
  readonly #sides: Sides;
  readonly #differences: DifferenceWriter;
  readonly #comparison: Comparison;
  readonly #tally: KeepingTally;
  accounts = 0;
  #verdicts = 0;
  #trust = { compared: 0, raised: 0, lowered: 0 };

  constructor({ slice }: WhatIfRequest, sides: Sides, differences: DifferenceWriter, at: Instant) {
    const { before, after, change } = sides;
    const policies = { before: change.before.policy, after: change.after.policy };
    this.#slice = slice;
    this.#sides = sides;
    this.#differences = differences;
    this.#tally = new KeepingTally(sides.scratch, before);
    this.#comparison = {
      ...{ before, after, policies },
      trust: { before: trustOptions(before, policies.before), after: trustOptions(before, policies.after) },
      reading: { asOf: at, knownAt: at },
    };
  }

  compare(accounts: readonly AccountId[]): void {
    this.#sides.judge(accounts);
    for (const account of accounts) this.#compareAccount(account);
    this.#tally.flush();
    this.accounts += accounts.length;
  }

  #compareAccount(account: AccountId): void {
    const { before, after, change } = this.#sides;
    const { affected } = change;
    const was = this.#rowsOf(before, account);
    const would = affected.verdicts ? this.#rowsOf(after, account) : was;
    const rows = { before: was, after: would };
    if (affected.verdicts) this.#putVerdicts(rows);
    this.#putKeeping(account, rows);
    this.#trust.compared += promiseDirection.options.length;
    if (affected.trust) this.#putTrust(account, rows);
    if (affected.rapport) {
      const rapport = rapportDifference(this.#comparison, account);
      if (rapport !== null) this.#differences.put(rapport, Math.abs(rapport.after.score - rapport.before.score));
    }
    if (affected.dormancy) {
      const dormancy = dormancyDifference(this.#comparison, account);
      if (dormancy !== null)
        this.#differences.put(dormancy, sizeOfDormancy(dormancy), { before: dormancy.before.state, after: dormancy.after.state });
    }
  }

  /** In the order in which trust sums. */
  #rowsOf(views: Views, account: AccountId): OccurrenceRow[] {
    const { promisor = null } = this.#slice;
    return views.all<OccurrenceRow>(
      `SELECT * FROM occurrences WHERE account = ? AND (? IS NULL OR promisor = ?) ORDER BY at, position, occurrence`,
      [account, promisor, promisor],
    );
  }

  #putVerdicts({ before, after }: { before: readonly OccurrenceRow[]; after: readonly OccurrenceRow[] }): void {
    const { reading, before: views } = this.#comparison;
    const { from = "", until = "9" } = this.#slice;
    for (const verdict of verdictDifferences(views, before, after, reading, this.#sides.change.replaced)) {
      const at = verdict.after.at ?? verdict.before.at ?? verdict.after.deadlineAt ?? "";
      if (at < from || at >= until) continue;
      const { before: was, after: would } = verdict;
      this.#differences.put(verdict, sizeOfVerdict(verdict), { before: was.standing, after: would.standing });
    }
  }

  #putKeeping(account: AccountId, rows: { before: readonly OccurrenceRow[]; after: readonly OccurrenceRow[] }): void {
    const { reading } = this.#comparison;
    const within = (of: readonly OccurrenceRow[]) => outcomesWithin(of, this.#slice, reading);
    const was = within(rows.before);
    const would = rows.after === rows.before ? was : within(rows.after);
    this.#verdicts += was.length;
    this.#tally.add("before", was);
    this.#tally.add("after", would);
    if (would === was) return;
    const side = (of: typeof was) => keepingSide(of.map(({ outcome }) => outcome));
    const keeping = { kind: "keeping" as const, by: "account" as const, group: account, before: side(was), after: side(would) };
    if (!isSameKeeping(keeping.before, keeping.after)) this.#differences.put(keeping, sizeOfKeeping(keeping));
  }

  #putTrust(account: AccountId, rows: { before: readonly OccurrenceRow[]; after: readonly OccurrenceRow[] }): void {
    for (const direction of promiseDirection.options) {
      const trust = trustDifference(this.#comparison, account, direction, rows);
      if (trust === null) continue;
      const { total } = trust.change;
      if (total > 0) this.#trust.raised += 1;
      if (total < 0) this.#trust.lowered += 1;
      this.#differences.put(trust, Math.abs(total));
    }
  }

  summary(): WhatIfSummary {
    for (const keeping of this.#tally.differences()) this.#differences.put(keeping, sizeOfKeeping(keeping));
    const { reading, before, policies } = this.#comparison;
    const of = <Kind extends DifferenceKind>(kind: Kind) => ({
      changed: this.#differences.counted(kind),
      largest: this.#differences.largest(kind, largestCount),
    });
    const moves = (kind: DifferenceKind) => this.#differences.moves(kind);
    return {
      basis: { ...reading, size: before.position(), policy: policies.before.version },
      accounts: this.accounts,
      verdicts: { compared: this.#verdicts, ...of("verdict"), moves: moves("verdict") },
      trust: { ...this.#trust, ...of("trust") },
      rapport: { compared: this.accounts, ...of("rapport") },
      dormancy: { compared: this.accounts, ...of("dormancy"), moves: moves("dormancy") },
      keeping: { compared: this.#verdicts, ...of("keeping"), all: this.#tally.all() },
    };
  }
}
