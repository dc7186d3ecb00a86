/** Logs of the log's own key that are long in one respect. */
import { byRule, concluded, due, interaction, promised, promisee, promisor, type ToldLog, withPromise } from "./told-log.ts";

export type HeapReport = { exitCode: number; leaves: number };

/** The promisor says again and again how much of it is done. */
export function manyClaims(count: number): ToldLog {
  const log = withPromise({ offer: { proof: "claim", schedule: { occurrences: [{ dueAt: due }] }, terms: once } });
  const claim = { occurrence: 1, by: promisor, asserted: true, keptAt: "2026-01-02T00:00:00.000Z" };
  for (let number = 1; number <= count; number += 1)
    log.onPromise("KeepingClaimed", { ...claim, fraction: number / (count + 1) });
  return log;
}
const once = { type: "once", dueAt: due, graceMinutes: 0 };

const dayMs = 86_400_000;
const from = Date.parse("2026-02-01T00:00:00.000Z");
const at = (day: number, hour = 0): string => new Date(from + day * dayMs + hour * 3_600_000).toISOString();

/** Every day a visit is due, made, and found to be made. */
export function dailyVisits(count: number): ToldLog {
  const occurrences = Array.from({ length: count }, (_, day) => ({
    ...{ date: at(day).slice(0, 10), opensAt: at(day), dueAt: at(day + 1) },
  }));
  const terms = { type: "recurring", rrule: "FREQ=DAILY", from: at(0).slice(0, 10), until: at(count - 1).slice(0, 10) };
  const log = withPromise({
    offer: {
      ...{ matcher: { kinds: ["visit"] }, proof: "evidence", terms: { ...terms, windowDays: 1, graceMinutes: 0 } },
      schedule: { timeZone: "UTC", occurrences },
    },
  });
  for (let day = 0; day < count; day += 1) visited(log.at(at(day, 13).slice(0, 16)), day);
  return concluded(log, { kept: count }, at(count - 1, 12));
}

function visited(log: ToldLog, day: number): void {
  const id = `${interaction.slice(0, -4)}${String(day).padStart(4, "0")}`;
  const visit = { account: promised().account, kind: "visit", purpose: "relationship", direction: "outbound", tags: [] };
  const startedAt = at(day, 12);
  log.add(
    "InteractionRecorded",
    `interaction-${id}`,
    { ...visit, startedAt, participants: [promisor, promisee] },
    { occurredAt: startedAt },
  );
  const basis = { size: log.size, asOf: log.now, rule: 1, policy: 0 };
  const kept = { occurrence: day + 1, verdict: "kept", reason: "evidence", keptAt: startedAt, latenessMs: 0, credit: 1 };
  log.onPromise("PromiseKept", { ...kept, evidence: [id], basis }, { ...byRule, occurredAt: startedAt });
}
