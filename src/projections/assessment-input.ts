/** What `assess` needs of a promise, as the views hold it. */
import type { AssessmentInput } from "../domain/assess/settle.ts";
import type { Interaction } from "../domain/interaction.ts";
import type { MadePromise } from "../domain/promise/facts.ts";
import type { AccountId, Instant, PromiseId } from "../domain/values.ts";
import { interactionsOf } from "./interactions.ts";
import { recordingOf } from "./parameters.ts";
import type { Tables } from "./projection.ts";

/** A promise as judging needs it. */
export type PromiseRow = {
  id: PromiseId;
  account: AccountId;
  agreement: string | null;
  recording: string | null;
  listens: number;
  facts: string;
  position: number;
};
export const selectPromise = `SELECT id, account, agreement, recording, listens, facts, position FROM promises`;

/** All that `assess` needs of a promise, at the position of the views. @param evidenceOf gives an account's interactions. */
export function assessmentInputOf(
  tables: Pick<Tables, "all" | "get">,
  id: string,
  policy: AssessmentInput["policy"],
  evidenceOf = (account: string) => interactionsOf(tables, account),
): AssessmentInput | undefined {
  const row = tables.get<PromiseRow>(`${selectPromise} WHERE id = ?`, [id]);
  return row === undefined ? undefined : inputOf(tables, row, policy, evidenceOf);
}

export function inputOf(
  tables: Pick<Tables, "all" | "get">,
  row: PromiseRow,
  policy: AssessmentInput["policy"],
  evidenceOf: (account: string) => Interaction[],
): AssessmentInput {
  const agreement =
    row.agreement === null
      ? undefined
      : tables.get<{ made_at: Instant }>(`SELECT made_at FROM agreements WHERE id = ?`, [row.agreement]);
  return {
    promise: JSON.parse(row.facts) as MadePromise,
    agreementMadeAt: agreement?.made_at,
    interactions: row.listens === 1 ? evidenceOf(row.account) : [],
    recording: recordingOf(tables, row.recording),
    policy,
  };
}

/** Remembers the interactions of the last account asked for. */
export function evidenceReader(tables: Pick<Tables, "all">): (account: string) => Interaction[] {
  let last: { account: string; interactions: Interaction[] } | undefined;
  return (account) => {
    if (last?.account !== account) last = { account, interactions: interactionsOf(tables, account) };
    return last.interactions;
  };
}
