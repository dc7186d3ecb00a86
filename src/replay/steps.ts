/** An account's history event by event: what time alone changed before each, and what the event changed. */
import { clockSkewMsMax } from "../domain/log-time.ts";
import { type AccountId, addMs, type Instant } from "../domain/values.ts";
import { decode, type LedgerEvent } from "../ledger/envelope.ts";
import type { Log } from "../event-store/log.ts";
import { inMemoryViews } from "../projections/in-memory.ts";
import { projections } from "../projections/registry.ts";
import type { Views } from "../projections/views.ts";
import { type Change, changesBetween } from "./changes.ts";
import { AccountFigures, type Explained, nothingYet } from "./figures.ts";

/** What figures are read from. Whether an account has gone quiet they find out themselves, at each instant. */
const used = projections.filter(({ name }) => !["activity", "keys", "dormancy"].includes(name));

export type Step = {
  event: LedgerEvent;
  /** Between the recording of the step before and that of this one, nothing having been recorded. */
  meanwhile: Change[];
  changes: Change[];
};

/** @property size steps after it alone; @property at the instant that they follow. */
export type Beginning = { size: number; at: Instant };

/** What each batch settles grows with the account, and less with its events. */
const batchCount = 5_000;

/**
 * Steps in the order of the log. Everything stands at the instant when the step was recorded: as of then, and as known then.
 * The figures before the first step take all of the account's earlier events; each step takes one event and two looks.
 *
 * @param present views that know at least the events up to `size`, to find them by.
 */
export function* stepsOf(log: Log, present: Views, account: AccountId, after: Beginning, size: number): Generator<Step> {
  const { views, apply, close } = inMemoryViews(used);
  const figures = new AccountFigures(account);
  const at = (instant: Instant): Explained => figures.at({ asOf: instant, knownAt: instant });
  const { first, told, positions } = positionsOf(log, present, account, size);
  const begun = positions.filter((position) => position <= after.size || position < first);
  try {
    for (let index = 0; index < begun.length; index += batchCount)
      apply(log.readPositions(begun.slice(index, index + batchCount)));
    figures.read(views);
    let before = begun.length === 0 ? nothingYet : at(after.at);
    let now = begun.length === 0 ? undefined : after.at;
    for (const position of positions.slice(begun.length)) {
      const [stored] = log.readPositions([position]);
      const event = stored && decode(stored);
      if (!event) continue;
      if (!told.has(position)) {
        apply([stored]);
        figures.read(views);
        continue;
      }
      now = notBehind(now, event.recordedAt);
      const waited = at(now);
      apply([stored]);
      figures.read(views);
      const then = at(now);
      yield { event, meanwhile: changesBetween(before, waited, "time"), changes: changesBetween(waited, then, event.type) };
      before = then;
    }
  } finally {
    close();
  }
}

/** Of two nodes one is some seconds behind, and no time passes backwards; further back a clock was corrected. */
const notBehind = (before: Instant | undefined, recordedAt: Instant): Instant =>
  before !== undefined && recordedAt < before && addMs(recordedAt, clockSkewMsMax) >= before ? before : recordedAt;

export type Positions = {
  /** Of the account. */
  first: number;
  /** Those that are steps of its history. */
  told: ReadonlySet<number>;
  /** Those and what they follow on, in order. */
  positions: number[];
};

/**
 * The account's own events, and those on which everybody's figures rest: policies, fits, loads of history. Of a person who came
 * from elsewhere the earlier events are no part of the history, and the later ones follow on them.
 */
export function positionsOf(log: Log, present: Views, account: AccountId, size: number): Positions {
  const own = present.all<{ position: number; stream: string }>(
    `SELECT position, stream FROM activity WHERE account = ? ORDER BY position`,
    [account],
  );
  const parameters = present.all<{ position: number }>(
    `SELECT position FROM policies UNION SELECT position FROM priors UNION SELECT position FROM dormancy_models`,
  );
  const loads = log.readStream("ledger").filter(({ leaf }) => isOfLoad(leaf));
  const people = new Set(own.map(({ stream }) => stream).filter((stream) => stream.startsWith("person-")));
  const told = new Set([...own, ...parameters, ...loads].map(({ position }) => position));
  const positions = new Set([
    ...told,
    ...[...people].flatMap((stream) => log.readStream(stream)).map(({ position }) => position),
  ]);
  return {
    first: own[0]?.position ?? size + 1,
    told,
    positions: [...positions].filter((position) => position <= size).sort((a, b) => a - b),
  };
}

const isOfLoad = (leaf: Uint8Array): boolean =>
  (JSON.parse(Buffer.from(leaf).toString("utf8")) as { type: string }).type.startsWith("Recording");
