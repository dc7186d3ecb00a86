/** An account's history retold: event by event, and as the difference between two vantages. */
import { z } from "zod";
import { DomainError } from "../domain/errors.ts";
import { accountId, instant } from "../domain/values.ts";
import { differenceOf, lookCountMax } from "../replay/causes.ts";
import { type Beginning, type Step, stepsOf } from "../replay/steps.ts";
import { basis, decodeCursor, defineQuery, encodeCursor, type Reading } from "./query.ts";
import { basisOf, onOwnAccount } from "./reading.ts";
import { knownAtText, VantageError, vantageOf, vantageParameters } from "./vantage.ts";

const value = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const change = z.strictObject({
  projection: z.string().describe("`account`, `promises`, `keeping`, `trust`, `dormancy`, `balance` or `outcomes`."),
  figure: z.string().describe("Its place there, such as `given.score` or `prm_….occurrences.2`."),
  before: value.describe("Null where there was no such figure."),
  after: value,
  reason: z
    .string()
    .nullable()
    .describe("The verdict's reason and evidence, the occurrences that moved, `time`, or the type of the event."),
});
export type HistoryChange = z.output<typeof change>;

const difference = change.extend({
  reason: z
    .string()
    .nullable()
    .describe("The verdict's reason and evidence, or those of the parts; null where there are too many of them to be found."),
  parts: z
    .array(
      z.strictObject({
        events: z.array(z.int()).describe("Their places in the log; empty where time alone did it."),
        reason: z.string().nullable(),
        before: value,
        after: value,
      }),
    )
    .nullable()
    .describe(
      "What changed it by how much, one after the other from `before` to `after`. Null where more lies between than is looked at.",
    ),
});

const step = z.strictObject({
  position: z.int(),
  id: z.string(),
  type: z.string(),
  stream: z.string(),
  occurredAt: instant,
  recordedAt: instant,
  meanwhile: z.array(change).describe("What time alone changed since the step before."),
  changes: z.array(change).describe("What this event changed, as of its recording and as known then."),
});
export type HistoryStep = z.output<typeof step>;

const onAccount = z.strictObject({ account: accountId });

export const accountHistory = defineQuery({
  name: "account-history",
  path: "/accounts/:account/history",
  tag: "Replay",
  summary: "An account's history step by step: what each event changed, before and after, and why",
  description:
    "In the order of the log: the account's own events, and the policies, fits and loads of history on which its figures rest. What a late fact changed stands at its recording.",
  scope: "read",
  isHeavy: true,
  readsLogAlone: true,
  boundTo: onOwnAccount,
  asks: ({ to }) => ({ at: { knownAt: to, names: { knownAt: "to" } } }),
  params: onAccount,
  query: z.strictObject({
    from: knownAtText
      .optional()
      .describe("Steps recorded after this instant, or after this size of the log; from the beginning where absent."),
    to: knownAtText.optional().describe("Steps recorded up to this instant, or up to this size of the log; now where absent."),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    after: z.string().max(400).optional().describe("The `next` of the page before."),
  }),
  answer: z.strictObject({ items: z.array(step), next: z.string().nullable(), basis }),
  refusals: ["account-not-found"],
  run(reading, { params: { account }, query }) {
    const { log, present, standing } = reading;
    const { size } = standing!;
    const opened = present.get<{ position: number }>(`SELECT position FROM accounts WHERE id = ?`, [account]);
    if (opened === undefined || opened.position > size)
      throw new DomainError("account-not-found", `there is no account ${account}`);
    const after = beginningOf(reading, query, decodeCursor(query.after)?.[0] as number | undefined);
    const items: HistoryStep[] = [];
    for (const one of stepsOf(log, present, account, after, size)) {
      items.push(itemOf(one));
      if (items.length > query.limit) break;
    }
    const shown = items.slice(0, query.limit);
    const next = items.length > query.limit ? encodeCursor([shown.at(-1)!.position]) : null;
    return { items: shown, next, basis: basisOf(reading) };
  },
});

type Asked = { from?: string | undefined; to?: string | undefined };

/** @throws VantageError for a `from` that there is not, or that lies after `to`. */
function beginningOf(reading: Reading, { from, to }: Asked, position: number | undefined): Beginning {
  const { times, now, standing } = reading;
  if (position !== undefined) return { size: position, at: times.at(position) };
  const begun = from === undefined ? undefined : placeOf(from, reading);
  if (begun === undefined) return { size: 0, at: now };
  const { size, knownAt } = standing!;
  if (to !== undefined && (begun.size > size || begun.at > knownAt))
    throw new VantageError("validation-failed", "/from", "must not be later than `to`");
  return begun;
}

/** Nothing for an instant before the ledger began, or for no event at all. */
function placeOf(from: string, { times, log, now }: Reading): Beginning | undefined {
  try {
    const { size, knownAt } = vantageOf({ knownAt: from, names: { knownAt: "from" } }, times, log.head(), now);
    return { size, at: knownAt };
  } catch (error) {
    if (error instanceof VantageError && error.code === "before-ledger") return undefined;
    throw error;
  }
}

const itemOf = ({ event: { position, id, type, stream, occurredAt, recordedAt }, meanwhile, changes }: Step): HistoryStep => ({
  ...{ position, id, type, stream, occurredAt, recordedAt },
  ...{ meanwhile, changes },
});

export const accountDiff = defineQuery({
  name: "account-diff",
  path: "/accounts/:account/diff",
  tag: "Replay",
  summary: "What differs of an account between two vantages, on either axis",
  description: `From \`fromAsOf\` and \`fromKnownAt\` to \`asOf\` and \`knownAt\`, each as on every other read. Two instants of \`knownAt\` under one \`asOf\` show what was learned since; two of \`asOf\` under one \`knownAt\` what happened. Each change is told in its parts, event by event, where no more than ${lookCountMax / 2} lie between: what was learned first, then what happened.`,
  scope: "read",
  isHeavy: true,
  boundTo: onOwnAccount,
  asks: ({ asOf, knownAt, fromAsOf, fromKnownAt }) => ({
    at: { asOf, knownAt },
    from: { asOf: fromAsOf, knownAt: fromKnownAt, names: { asOf: "fromAsOf", knownAt: "fromKnownAt" } },
  }),
  params: onAccount,
  query: z
    .strictObject({ fromAsOf: vantageParameters.asOf, fromKnownAt: vantageParameters.knownAt, ...vantageParameters })
    .refine(({ fromAsOf, fromKnownAt }) => fromAsOf !== undefined || fromKnownAt !== undefined, {
      path: ["fromKnownAt"],
      error: "or `fromAsOf` is needed: a difference has two ends",
    }),
  answer: z.strictObject({ changes: z.array(difference), from: basis, basis }),
  refusals: ["account-not-found"],
  async run(reading, { params: { account } }) {
    const from = reading.from!;
    const changes = await differenceOf(reading, account, from.standing!, reading.standing!);
    if (changes === undefined) throw new DomainError("account-not-found", `there is no account ${account}`);
    return { changes, from: basisOf(from), basis: basisOf(reading) };
  },
});
