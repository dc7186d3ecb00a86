/** What an auditor brings along: whom to trust, and what was kept from before. Nothing of it comes from the bundle. */
import type { Policy } from "../audit/policy.ts";
import { dayMs, epochMs, type Instant } from "../domain/values.ts";
import type { WorkBounds } from "./work.ts";

/** A receipt with the event that it is of, where that was kept too. */
export type KeptReceipt = {
  /** For messages: where it was read from. */
  name: string;
  receipt: Uint8Array;
  /** The bytes of the leaf as they were handed out. */
  leaf?: Uint8Array;
};
export type KeptHead = { name: string; note: Uint8Array };

export type Auditor = {
  policy: Policy;
  /** Signed tree heads from before, which the log must extend. */
  since?: readonly KeptHead[];
  receipts?: readonly KeptReceipt[];
  /** Up to when the evidence must be complete. */
  asOf?: Instant;
  /** By the auditor's own clock: a cosignature of later than that counts for nothing, and no leaf can be younger. */
  now?: Instant;
  /** How long a verdict may be due before it must be on record. */
  lagMs?: number;
  /** How much judging may cost before it is given up. */
  workBounds?: WorkBounds;
};

/** The keeper looks every second; an hour leaves room for a restart. */
export const lagMsUsual = 3_600_000;

/** By so much an auditor's clock may be off. */
const clockOffMsMax = dayMs;

/** The latest time that can have been by the auditor's clock, in ms; undefined where it is not known. */
export const latestMsBy = ({ now }: Pick<Auditor, "now">): number | undefined =>
  now === undefined ? undefined : epochMs(now) + clockOffMsMax;

/** Nothing is complete up to a time that is still to come. */
export const notAfterNow = ({ now }: Pick<Auditor, "now">, at: Instant | undefined): Instant | undefined =>
  at !== undefined && now !== undefined && now < at ? now : at;

/** How far a verification has come. */
export type OnProgress = (done: number, of: number) => void;
