/** What is no longer to be kept: waived, suspended, released, replaced. Only the promisee, or both, let go. */
import { type MadePromise, type Suspension, suspensionAt } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import { type Instant, latest } from "../values.ts";
import { excludedFinding } from "./finding.ts";
import type { Finding } from "./settlement.ts";

export function waiverOf({ number }: Occurrence, { waived }: MadePromise): Finding | null {
  const waiver = waived.find(({ occurrence }) => occurrence === number);
  return waiver === undefined ? null : excludedFinding("waived", waiver.at, waiver);
}

/** What falls due or would be broken while the promise is suspended counts as waived. */
export function suspensionOver({ dueAt, deadlineAt }: Occurrence, promise: MadePromise): Suspension | undefined {
  if (promise.suspensions.length === 0 || dueAt === undefined) return undefined;
  return suspensionAt(promise, dueAt) ?? suspensionAt(promise, deadlineAt!);
}

export function suspendedOver(one: Occurrence, promise: MadePromise): Finding | null {
  const suspension = suspensionOver(one, promise);
  return suspension === undefined ? null : excludedFinding("suspended", latest(one.dueAt!, suspension.from));
}

/** A late keeping of what was forgiven is a courtesy. */
export const isForgiven = (one: Occurrence, promise: MadePromise): boolean =>
  promise.waived.some(({ occurrence }) => occurrence === one.number) || suspensionOver(one, promise) !== undefined;

/** Released by the promisee while it could still be kept, or replaced by an amendment, whichever came first. */
export function letGo(one: Occurrence, promise: MadePromise): Finding | null {
  const released = isReleased(one, promise) ? promise.releasedAt : undefined;
  const { supersededAt } = one;
  if (supersededAt !== undefined && (released === undefined || supersededAt <= released))
    return excludedFinding("superseded", supersededAt);
  return released === undefined ? null : excludedFinding("released", released, promise.release);
}

const isReleased = ({ deadlineAt }: Occurrence, { releasedAt }: MadePromise) =>
  releasedAt !== undefined && (deadlineAt === undefined || deadlineAt > releasedAt);

/** From when on nothing keeps or breaks it. */
export function letGoAt(one: Occurrence, promise: MadePromise): Instant | undefined {
  return one.supersededAt === undefined && promise.releasedAt === undefined ? undefined : letGo(one, promise)?.at;
}
