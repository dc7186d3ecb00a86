/** What the models are fitted to: contact histories of all accounts, and the records of all parties. */
import { type ContactHistory, gapsBetween, historyOf, occasionsOf } from "../domain/dormancy.ts";
import type { PeerRecord } from "../domain/keeping.ts";
import type { Policy } from "../domain/policy.ts";
import { epochMs, hourMs, type Instant } from "../domain/values.ts";
import { isContact } from "./dormancy.ts";
import type { Views } from "./views.ts";

export type AccountHistory = { history: ContactHistory; gaps: number[] };

type ContactRow = { account: string; started_at: Instant; kind: never; direction: never };

/** Of every account contacted up to `cutOff`: its history in weeks, and its gaps in milliseconds. One scan, one account at a time. */
export function* contactHistories(views: Pick<Views, "iterate">, policy: Policy, cutOff: Instant): Generator<AccountHistory> {
  const rows = views.iterate<ContactRow>(
    `SELECT account, started_at, kind, direction FROM interactions WHERE is_retracted = 0 AND started_at <= ? ORDER BY account, started_at`,
    [cutOff],
  );
  let account: string | undefined;
  let contacts: Instant[] = [];
  for (const row of rows) {
    if (row.account !== account) {
      if (contacts.length > 0) yield accountHistory(contacts, policy, cutOff);
      account = row.account;
      contacts = [];
    }
    if (isContact(row, policy)) contacts.push(row.started_at);
  }
  if (contacts.length > 0) yield accountHistory(contacts, policy, cutOff);
}

function accountHistory(contacts: readonly Instant[], { dormancy }: Policy, cutOff: Instant): AccountHistory {
  const occasions = occasionsOf(contacts.map(epochMs), dormancy.occasionHours * hourMs);
  return { history: historyOf(occasions, contacts.at(-1)!, cutOff), gaps: gapsBetween(occasions) };
}

/** How many promises each promisor kept of those that counted by `cutOff`, late ones included; and how many counted in all. */
export function partyRecords(
  views: Pick<Views, "all">,
  cutOff: Instant,
  knownAt: Instant,
): { records: PeerRecord[]; outcomes: number } {
  const records = views.all<{ kept: number; of: number }>(
    `SELECT sum(verdict IN ('kept', 'kept-late')) AS kept, count(*) AS of FROM occurrences
     WHERE credit IS NOT NULL AND at <= ?1 AND (by_clock = 0 OR (deadline_at < ?1 AND settles_at <= ?2)) GROUP BY promisor ORDER BY promisor`,
    [cutOff, knownAt],
  );
  return { records, outcomes: records.reduce((sum, { of }) => sum + of, 0) };
}
