/** How an occurrence of a promise can end. MODELS section 1: what counts in a rate, and what is only counted beside it. */

export const countedVerdicts = ["kept", "kept-late", "partly-kept", "broken"] as const;
export const excludedVerdicts = [
  "released",
  "waived",
  "suspended",
  "superseded",
  "not-in-force",
  "declined",
  "withdrawn",
  "offer-lapsed",
  "condition-lapsed",
] as const;

export type CountedVerdict = (typeof countedVerdicts)[number];
export type ExcludedVerdict = (typeof excludedVerdicts)[number];
export type Verdict = CountedVerdict | ExcludedVerdict;
export const verdicts = [...countedVerdicts, ...excludedVerdicts] as const;

export const isCounted = (verdict: Verdict): verdict is CountedVerdict =>
  (countedVerdicts as readonly string[]).includes(verdict);
