/** Where a question stands on the two time axes, from what was asked to a size of the log. */
import { z } from "zod";
import { endOfTime, type Instant, instant } from "../domain/values.ts";
import type { LogTimes } from "../ledger/log-times.ts";
import type { Vantage } from "../projections/vantage.ts";

/** A vantage, with the root of the log's tree at its size: base64, null where the log is not signed or can't be held to its tree. */
export type Standing = Vantage & { root: string | null };

const knownAtForm = /^(?:(0|[1-9][0-9]*)(?:@(.+))?|(.+))$/;

type KnownAt = { size?: number; instant?: Instant };

function knownAtIn(text: string): KnownAt | undefined {
  const found = knownAtForm.exec(text);
  if (found === null) return undefined;
  const [, size, pinned, alone] = found;
  const clock = pinned ?? alone;
  if (clock !== undefined && !instant.safeParse(clock).success) return undefined;
  return {
    ...(size === undefined ? {} : { size: Number(size) }),
    ...(clock === undefined ? {} : { instant: clock as Instant }),
  };
}

/** A place on the axis of knowledge: an instant, a size of the log, or both. */
export const knownAtText = z
  .string()
  .max(40)
  .refine(
    (text) => knownAtIn(text) !== undefined,
    "must be an instant, a size of the log, or both as `4711@2026-01-31T00:00:00.000Z`",
  );

/**
 * Up to when facts count. As of the very instant at which they were known all of them do, as in the answers given then: what is
 * recorded has happened, and if a clock that ran ahead dated it later, that is the clock's fault.
 */
export const happenedBy = ({ asOf, knownAt }: Pick<Vantage, "asOf" | "knownAt">): Instant =>
  asOf === knownAt ? endOfTime : asOf;

export const vantageParameters = {
  asOf: instant
    .optional()
    .describe("Facts that had happened by then. Where absent, the instant of `knownAt`. What falls due later: `reports/due`."),
  knownAt: knownAtText
    .optional()
    .describe(
      "What was known then: an instant, a size of the log, or both as `size@instant`, which is how an answer's `basis` is asked again to the byte. Now where absent.",
    ),
};

/** @property names of the fields, where they are called otherwise than on every read. */
export type AskedVantage = {
  asOf?: Instant | undefined;
  knownAt?: string | undefined;
  names?: { asOf?: string; knownAt?: string };
};

export type VantageErrorCode = "in-the-future" | "before-ledger" | "beyond-log" | "as-of-after-known-at" | "validation-failed";

/** Nothing can be said from there. `field` names the parameter as a JSON pointer, `where` the part of the request that it stands in. */
export class VantageError extends Error {
  readonly code: VantageErrorCode;
  readonly field: string;
  readonly where: "query" | "body";
  constructor(code: VantageErrorCode, field: string, message: string, where: "query" | "body" = "query") {
    super(message);
    this.name = "VantageError";
    this.code = code;
    this.field = field;
    this.where = where;
  }
}

/**
 * @param times of the log whose head is `head`.
 * @param now what a read without any of this would stand at.
 * @throws VantageError
 */
export function vantageOf({ asOf, knownAt, names = {} }: AskedVantage, times: LogTimes, head: number, now: Instant): Vantage {
  const known = knownUpTo(knownAt, `/${names.knownAt ?? "knownAt"}`, times, head, now);
  const field = `/${names.asOf ?? "asOf"}`;
  if (asOf !== undefined && asOf > known.knownAt) {
    if (asOf > now && asOf > times.at(head)) throw new VantageError("in-the-future", field, `${asOf} lies in the future`);
    const pinned = isSizeAlone(knownAt) ? `; what was known later of as many events: \`${known.size}@${asOf}\`` : "";
    throw new VantageError("as-of-after-known-at", field, `${asOf} is later than ${known.knownAt}, when this was known${pinned}`);
  }
  return { asOf: asOf ?? known.knownAt, ...known };
}

const isSizeAlone = (knownAt: string | undefined): boolean => knownAt !== undefined && /^[0-9]+$/.test(knownAt);

function knownUpTo(
  text: string | undefined,
  field: string,
  times: LogTimes,
  head: number,
  now: Instant,
): Pick<Vantage, "knownAt" | "size"> {
  const { size, instant } = text === undefined ? {} : knownAtIn(text)!;
  // A clock that was put back since stands behind what it said before.
  if (instant !== undefined && instant > now && instant > times.at(head))
    throw new VantageError("in-the-future", field, `${instant} lies in the future`);
  if (size !== undefined && size > head) throw new VantageError("beyond-log", field, `the log has ${head} events and no more`);
  const known = size ?? (instant === undefined ? head : times.sizeAt(instant));
  if (known === 0) throw new VantageError("before-ledger", field, "nothing was known before the first event of the ledger");
  return { size: known, knownAt: instant ?? (size === undefined ? now : times.at(known)) };
}
