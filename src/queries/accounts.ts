/** Questions about accounts: who they are, what passed, whether they have gone quiet. */
import { z } from "zod";
import { stateAt } from "../domain/dormancy.ts";
import { accountId, instant, personId, slug } from "../domain/values.ts";
import { decode } from "../ledger/envelope.ts";
import { aliveModelOf, contactsOf, dormancyOf } from "../projections/dormancy.ts";
import { policyInForce } from "../projections/parameters.ts";
import { openPersonal, personalFields } from "./personal.ts";
import { basis, decodeCursor, defineQuery, encodeCursor, page, pageOf } from "./query.ts";
import { basisOf, onOwnAccount, requireAccountRow } from "./reading.ts";

const onAccount = z.strictObject({ account: accountId });

const dormancyStates = z.enum(["new", "active", "cooling", "dormant"]);
const accountAnswer = z.strictObject({
  id: accountId,
  status: z.enum(["open", "closed"]),
  openedAt: instant,
  timeZone: z.string(),
  owner: personId.nullable(),
  tags: z.array(slug),
  dormancy: z.strictObject({
    state: dormancyStates,
    decidedBy: z.enum(["cadence", "rhythm", "alive", "history"]),
    contacts: z.int(),
    lastContactAt: instant.nullable(),
  }),
  personal: personalFields,
  revision: z.int(),
});
type AccountAnswer = z.output<typeof accountAnswer>;

type AccountRow = {
  id: string;
  opened_at: string;
  time_zone: string;
  owner: string | null;
  status: string;
  tags: string;
  sealed: string;
  revision: number;
  decided_by: string | null;
  contacts: number | null;
  last_contact_at: string | null;
  cooling_at: string | null;
  dormant_at: string | null;
};

const selectAccount = `SELECT a.*, d.decided_by, d.contacts, d.last_contact_at, d.cooling_at, d.dormant_at FROM accounts a LEFT JOIN dormancy d ON d.account = a.id`;

const answerOf = (row: AccountRow, asOf: string, personal: AccountAnswer["personal"]): AccountAnswer =>
  ({
    id: row.id,
    status: row.status,
    openedAt: row.opened_at,
    timeZone: row.time_zone,
    owner: row.owner,
    tags: JSON.parse(row.tags) as unknown,
    dormancy: {
      state: listedState(row, asOf),
      decidedBy: row.decided_by ?? "history",
      contacts: row.contacts ?? 0,
      lastContactAt: row.last_contact_at,
    },
    personal,
    revision: row.revision,
  }) as AccountAnswer;

/** What the stored thresholds mean at an instant. */
export const listedState = (row: Pick<AccountRow, "decided_by" | "cooling_at" | "dormant_at">, asOf: string) =>
  row.decided_by === null || row.decided_by === "history"
    ? "new"
    : stateAt({ coolingAt: row.cooling_at as never, dormantAt: row.dormant_at as never }, asOf as never);

export const getAccount = defineQuery({
  name: "get-account",
  path: "/accounts/:account",
  tag: "Accounts",
  summary: "An account",
  scope: "read",
  boundTo: onOwnAccount,
  params: onAccount,
  query: z.strictObject({}),
  answer: z.strictObject({ ...accountAnswer.shape, basis }),
  refusals: ["account-not-found"],
  async run(reading, { params, caller }) {
    const { row, rests } = reading.views.snapshot(() => {
      requireAccountRow(reading.views, params.account);
      return {
        row: reading.views.get<AccountRow>(`${selectAccount} WHERE a.id = ?`, [params.account])!,
        rests: basisOf(reading),
      };
    });
    const [personal] = await openPersonal(reading, caller, "get-account", [JSON.parse(row.sealed) as Record<string, number>]);
    return { ...answerOf(row, reading.asOf, personal!), basis: rests };
  },
});

export const listAccounts = defineQuery({
  name: "list-accounts",
  path: "/accounts",
  tag: "Accounts",
  summary: "Accounts, in order of their ids",
  scope: "read",
  params: z.strictObject({}),
  query: z.strictObject({ ...page, owner: personId.optional(), status: z.enum(["open", "closed"]).optional() }),
  answer: pageOf(accountAnswer),
  refusals: [],
  async run(reading, { query, caller }) {
    const after = decodeCursor(query.after)?.[0] ?? "";
    const { rows, rests } = reading.views.snapshot(() => ({
      rows: reading.views.all<AccountRow>(
        `${selectAccount} WHERE a.id > ? AND (? IS NULL OR a.owner = ?) AND (? IS NULL OR a.status = ?) ORDER BY a.id LIMIT ?`,
        [after, query.owner ?? null, query.owner ?? null, query.status ?? null, query.status ?? null, query.limit + 1],
      ),
      rests: basisOf(reading),
    }));
    const shown = rows.slice(0, query.limit);
    const personal = await openPersonal(
      reading,
      caller,
      "list-accounts",
      shown.map(({ sealed }) => JSON.parse(sealed) as Record<string, number>),
    );
    const items = shown.map((row, index) => answerOf(row, reading.asOf, personal[index]!));
    return { items, next: rows.length > query.limit ? encodeCursor([shown.at(-1)!.id]) : null, basis: rests };
  },
});

const timelineItem = z.strictObject({
  position: z.int(),
  occurredAt: instant,
  recordedAt: instant,
  type: z.string(),
  stream: z.string(),
  data: z.record(z.string(), z.unknown()),
  personal: personalFields,
});

export const accountTimeline = defineQuery({
  name: "account-timeline",
  path: "/accounts/:account/timeline",
  tag: "Accounts",
  summary: "Everything that concerns an account, newest first",
  scope: "read",
  boundTo: onOwnAccount,
  params: onAccount,
  query: z.strictObject({ ...page, type: z.string().max(40).optional() }),
  answer: pageOf(timelineItem),
  refusals: ["account-not-found"],
  async run(reading, { params, query, caller }) {
    const { views } = reading;
    const [occurredAt = "9", position = 0] = decodeCursor(query.after) ?? [];
    const { rows, rests } = views.snapshot(() => {
      requireAccountRow(views, params.account);
      const rows = views.all<{ occurred_at: string; position: number }>(
        `SELECT occurred_at, position FROM activity WHERE account = ? AND (occurred_at, position) < (?, ?) AND (? IS NULL OR type = ?) ORDER BY occurred_at DESC, position DESC LIMIT ?`,
        [params.account, occurredAt, position, query.type ?? null, query.type ?? null, query.limit + 1],
      );
      return { rows, rests: basisOf(reading) };
    });
    const shown = rows.slice(0, query.limit);
    const events = new Map(
      reading.log.readPositions(shown.map((row) => row.position)).map((stored) => [stored.position, decode(stored)]),
    );
    const found = shown.flatMap((row) => events.get(row.position) ?? []);
    const personal = await openPersonal(
      reading,
      caller,
      "account-timeline",
      found.map((event) => Object.fromEntries(event.sealed.map(({ field }) => [field, event.position]))),
    );
    const items = found.map(({ position, occurredAt, recordedAt, type, stream, data }, index) => ({
      position,
      occurredAt,
      recordedAt,
      type,
      stream,
      data,
      personal: personal[index]!,
    }));
    const last = shown.at(-1);
    return { items, next: rows.length > query.limit ? encodeCursor([last!.occurred_at, last!.position]) : null, basis: rests };
  },
});

const threshold = {
  state: z.enum(["active", "cooling", "dormant"]),
  coolingAt: instant.nullable(),
  dormantAt: instant.nullable(),
};

export const accountDormancy = defineQuery({
  name: "account-dormancy",
  path: "/accounts/:account/dormancy",
  tag: "Dormancy",
  summary: "Whether an account has gone quiet: three answers, and which of them decided",
  description:
    "Is a promised contact overdue; is the silence long by the account's own rhythm; how likely is it still alive under the fitted model.",
  scope: "read",
  boundTo: onOwnAccount,
  params: onAccount,
  query: z.strictObject({}),
  answer: z.strictObject({
    account: accountId,
    state: dormancyStates,
    decidedBy: z.enum(["cadence", "rhythm", "alive", "history"]),
    since: instant.nullable(),
    coolingAt: instant.nullable(),
    dormantAt: instant.nullable(),
    contacts: z.int().describe("Occasions of contact that qualify."),
    lastContactAt: instant.nullable(),
    silenceDays: z.number().nullable(),
    answers: z.strictObject({
      cadence: z.strictObject({ ...threshold, overdue: z.boolean() }).nullable(),
      rhythm: z
        .strictObject({ ...threshold, medianGapDays: z.number(), silenceRatio: z.number(), silencePercentile: z.number() })
        .nullable(),
      alive: z
        .strictObject({
          ...threshold,
          probability: z.number(),
          repeatContacts: z.int(),
          recencyWeeks: z.number(),
          ageWeeks: z.number(),
        })
        .nullable(),
    }),
    basis,
  }),
  refusals: ["account-not-found"],
  run(reading, { params: { account } }) {
    const { views, asOf } = reading;
    return views.snapshot(() => {
      requireAccountRow(views, account);
      const policy = policyInForce(views);
      const contacts = contactsOf(views, account, policy);
      const { answers, silenceMs, ...rest } = dormancyOf(views, account, contacts, asOf, policy, aliveModelOf(views));
      const { cadence, rhythm, alive } = answers;
      return {
        account,
        ...rest,
        silenceDays: silenceMs === null ? null : silenceMs / 86_400_000,
        answers: {
          cadence,
          rhythm:
            rhythm === null
              ? null
              : {
                  ...at(rhythm),
                  medianGapDays: rhythm.medianGapMs / 86_400_000,
                  silenceRatio: rhythm.silenceRatio,
                  silencePercentile: rhythm.silencePercentile,
                },
          alive:
            alive === null
              ? null
              : {
                  ...at(alive),
                  probability: alive.probability,
                  repeatContacts: alive.history.x,
                  recencyWeeks: alive.history.tx,
                  ageWeeks: alive.history.T,
                },
        },
        basis: basisOf(reading),
      };
    });
  },
});

const at = <State, Moment>({ state, coolingAt, dormantAt }: { state: State; coolingAt: Moment; dormantAt: Moment }) => ({
  state,
  coolingAt,
  dormantAt,
});
