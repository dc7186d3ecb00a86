/**
 * One tree head, and the witnesses that have seen it. Stream: `anchor-<size>`, so that none of them grows and a repetition is known
 * by looking at a handful of events.
 */
import { z } from "zod";
import type { At, Decider, Draft, EventOf } from "./decider.ts";
import { knownHead } from "./ledger-record.ts";
import { logOrigin, signatureLine, verifierKey } from "./signed-note-values.ts";
import { instant } from "./values.ts";

export const anchorEvents = {
  /** What lies under the head was recorded before `cosignedAt`, by the witness's clock; what comes after this event, later. */
  TreeHeadAnchored: z.strictObject({
    origin: logOrigin,
    ...knownHead.shape,
    witness: verifierKey,
    /** In whole seconds. */
    cosignedAt: instant,
    /** The witness's line under the text of the head. */
    cosignature: signatureLine,
  }),
};
export type AnchorEvent = EventOf<typeof anchorEvents>;
export type Anchored = AnchorEvent["data"];
export type AnchorCommand = { type: "RecordAnchor"; anchor: Anchored } & At;
/** The witnesses on record for this head. */
export type AnchorState = ReadonlySet<string>;

export const anchor: Decider<AnchorCommand, AnchorEvent, AnchorState> = { initialState: new Set(), decide, evolve };

export const anchorStream = (size: number): string => `anchor-${size}`;

/** A second cosignature by the same witness would say less than the first. */
function decide({ anchor }: AnchorCommand, witnesses: AnchorState): Draft<AnchorEvent>[] {
  return witnesses.has(anchor.witness) ? [] : [{ type: "TreeHeadAnchored", data: anchor }];
}

function evolve(witnesses: AnchorState, { data }: AnchorEvent): AnchorState {
  return new Set([...witnesses, data.witness]);
}
