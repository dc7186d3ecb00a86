/** Log time at a place of the log is the largest `recordedAt` up to there. */

/** Peers and restarts differ by less; more is a fault to be looked at, not smoothed over. */
export const clockSkewMsMax = 5_000;
