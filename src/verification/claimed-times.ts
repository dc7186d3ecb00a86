/** Times that an event tells of. When something happened is a claim; that it happened before it was recorded is not. */
import { clockSkewMsMax } from "../domain/log-time.ts";
import { type Instant, epochMs } from "../domain/values.ts";
import type { LeafEvent } from "./leaf-event.ts";
import { isVerdict } from "./recomputation.ts";

/** @returns an instant that the event says has passed, and that came after it was recorded; undefined where there is none. */
export function toldTooEarly(event: LeafEvent): Instant | undefined {
  const { recordedAt } = event;
  return passedIn(event).find((at) => at > recordedAt && epochMs(at) > epochMs(recordedAt) + clockSkewMsMax);
}

/** Verdicts are not among them: they are reached again, and have an instant of their own by which they were reached. */
function passedIn(event: LeafEvent): Instant[] {
  if (isVerdict(event)) return [];
  const { occurredAt } = event;
  switch (event.type) {
    case "InteractionRecorded":
    case "InteractionCorrected":
      return [occurredAt, event.data.startedAt];
    case "KeepingClaimed":
    case "PromiseConfirmed":
      return [occurredAt, event.data.keptAt];
    case "VerdictContested":
      return "keptAt" in event.data.asserts ? [occurredAt, event.data.asserts.keptAt] : [occurredAt];
    case "RecordingCompleted":
      return [occurredAt, event.data.upTo];
    case "PriorFitted":
    case "DormancyModelFitted":
      return [occurredAt, event.data.cutOff];
    default:
      return [occurredAt];
  }
}
