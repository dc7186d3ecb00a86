/** Every status that a promise can have and every command on it: what each comes to. `docs/promises.md` shows this table. */
import type { PromiseCommand } from "../../../src/domain/promise/commands.ts";
import type { PromiseEvent } from "../../../src/domain/promise/events.ts";
import { on } from "../../support/spec.ts";
import { customer, interactionId } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";

const offer = p.series(["2026-02-02", "2026-02-16"]);
const needsAcceptance = { needsAcceptance: true, offerExpiresAt: on("2026-06-01") };
const conditional = p.made(offer, { condition: { expiresAt: on("2026-06-01") } });
const offered = p.made(offer, needsAcceptance);
const february = on("2026-02-03");

export const statuses = {
  none: [],
  offered: [offered],
  countered: [offered, p.countered(p.series(["2026-02-02"]), on("2026-01-02"))],
  declined: [offered, p.declined(on("2026-01-02"))],
  withdrawn: [offered, p.withdrawn(on("2026-01-02"))],
  "offer-lapsed": [p.made(offer, { ...needsAcceptance, offerExpiresAt: on("2026-01-02") })],
  conditional: [conditional],
  "condition-lapsed": [p.made(offer, { condition: { expiresAt: on("2026-01-02") } })],
  "in-force": [p.made(offer)],
  suspended: [p.made(offer), p.suspended(on("2026-01-02"))],
  released: [p.made(offer), p.released(on("2026-01-02"))],
} satisfies Record<string, p.Say[]>;
export type Status = keyof typeof statuses;

const reschedule = { type: "reschedule", occurrence: 2, dueAt: on("2026-02-20") } as const;
const binding: readonly Status[] = ["in-force", "suspended", "released"];

/** What lies open in a status where it can: a change proposed by the promisor, a dispute opened by the promisee. */
const withChange = (status: Status): p.Say[] =>
  status === "conditional" || binding.includes(status) ? [p.proposed(reschedule, on("2026-01-03"))] : [];
const withDispute = (status: Status): p.Say[] =>
  binding.includes(status) ? [p.contested(1, { verdict: "broken" }, february)] : [];

type Row = {
  /** As in `promises/{id}/accept`. */
  verb: string;
  command: PromiseCommand;
  event: PromiseEvent["type"];
  open?: (status: Status) => p.Say[];
  /**
   * What it comes to in each status, in their order: `yes`, its event; `again`, nothing, because it is so already;
   * `no`, a refusal named after the status; else the code of the refusal.
   */
  cells: string;
};
const at = "2026-02-04";

const noChange = "no-change-pending no-change-pending no-change-pending no-change-pending no-change-pending";
const noDispute =
  "no-dispute-open no-dispute-open no-dispute-open no-dispute-open no-dispute-open no-dispute-open no-dispute-open";

/** The first status, `none`, is left out of `cells`: there only MakePromise is anything but `promise-not-found`. */
export const commands: Record<Exclude<PromiseCommand["type"], "MakePromise">, Row> = {
  AcceptPromise: {
    verb: "accept",
    command: p.command("AcceptPromise", at, {}),
    event: "PromiseAccepted",
    cells: "yes yes no no no again no again again no",
  },
  DeclinePromise: {
    verb: "decline",
    command: p.command("DeclinePromise", at, {}),
    event: "PromiseDeclined",
    cells: "yes yes again no no no no no no no",
  },
  CounterPromise: {
    verb: "counter",
    command: p.command("CounterPromise", at, { offer: p.series(["2026-03-02"]) }),
    event: "PromiseCountered",
    cells: "yes yes no no no no no no no no",
  },
  WithdrawPromise: {
    verb: "withdraw",
    command: p.command("WithdrawPromise", at, {}),
    event: "PromiseWithdrawn",
    cells: "yes yes no again no no no no no no",
  },
  MeetCondition: {
    verb: "meet-condition",
    command: p.command("MeetCondition", at, {}),
    event: "PromiseConditionMet",
    cells: "no no no no no yes no no no no",
  },
  SuspendPromise: {
    verb: "suspend",
    command: p.command("SuspendPromise", at, {}),
    event: "PromiseSuspended",
    cells: "no no no no no no no yes again no",
  },
  ResumePromise: {
    verb: "resume",
    command: p.command("ResumePromise", at, {}),
    event: "PromiseResumed",
    cells: "no no no no no no no no yes no",
  },
  ReleasePromise: {
    verb: "release",
    command: p.command("ReleasePromise", at, {}),
    event: "PromiseReleased",
    cells: "no no no no no yes no yes yes again",
  },
  WaiveOccurrence: {
    verb: "waive",
    command: p.command("WaiveOccurrence", at, { occurrence: 1 }),
    event: "OccurrenceWaived",
    cells: "no no no no no no no yes yes yes",
  },
  ProposeChange: {
    verb: "propose-change",
    command: p.command("ProposeChange", at, { proposal: reschedule }),
    event: "ChangeProposed",
    cells: "no no no no no yes no yes yes no",
  },
  AcceptChange: {
    verb: "accept-change",
    command: p.command("AcceptChange", at, {}),
    event: "ChangeAccepted",
    cells: `${noChange} yes no-change-pending yes yes no`,
    open: withChange,
  },
  DeclineChange: {
    verb: "decline-change",
    command: p.command("DeclineChange", at, {}),
    event: "ChangeDeclined",
    cells: `${noChange} yes no-change-pending yes yes yes`,
    open: withChange,
  },
  WithdrawChange: {
    verb: "withdraw-change",
    command: p.command("WithdrawChange", at, {}),
    event: "ChangeWithdrawn",
    cells: `${noChange} yes no-change-pending yes yes yes`,
    open: withChange,
  },
  ClaimKeeping: {
    verb: "claim",
    command: p.command("ClaimKeeping", at, { occurrence: 1, keptAt: february, fraction: 1, interaction: interactionId(1) }),
    event: "KeepingClaimed",
    cells: "no no no no no no no yes yes yes",
  },
  ConfirmKeeping: {
    verb: "confirm",
    command: p.command("ConfirmKeeping", at, { occurrence: 1, keptAt: february, fraction: 1 }),
    event: "PromiseConfirmed",
    cells: "no no no no no no no yes yes yes",
  },
  RenegePromise: {
    verb: "renege",
    command: p.command("RenegePromise", at, {}),
    event: "PromiseReneged",
    cells: "no no no no no yes no yes yes no",
  },
  ContestVerdict: {
    verb: "contest",
    command: p.command("ContestVerdict", at, { occurrence: 1, asserts: { verdict: "broken" }, speaker: p.speaker(customer) }),
    event: "VerdictContested",
    cells: "no no no no no no no yes yes yes",
  },
  WithdrawContest: {
    verb: "withdraw-contest",
    command: p.command("WithdrawContest", at, {}),
    event: "ContestWithdrawn",
    cells: `${noDispute} yes yes yes`,
    open: withDispute,
  },
  ConcedeContest: {
    verb: "concede",
    command: p.command("ConcedeContest", at, {}),
    event: "ContestConceded",
    cells: `${noDispute} yes yes yes`,
    open: withDispute,
  },
  RuleDispute: {
    verb: "rule",
    command: p.command("RuleDispute", at, { ruling: "upheld" }),
    event: "DisputeRuled",
    cells: `${noDispute} yes yes yes`,
    open: withDispute,
  },
};

export const statusNames = Object.keys(statuses).filter((status) => status !== "none") as Exclude<Status, "none">[];

export type Cell = { name: string; status: Exclude<Status, "none">; told: p.Say[]; row: Row; expected: string };

export const cells: Cell[] = Object.entries(commands).flatMap(([name, row]) =>
  row.cells.split(" ").map((expected, index) => {
    const status = statusNames[index]!;
    return { name, status, told: [...statuses[status], ...(row.open?.(status) ?? [])], row, expected };
  }),
);

/** The code by which a status refuses what doesn't fit it. */
export const refusalIn = (status: Status): string => (status.endsWith("-lapsed") ? status : `promise-${status}`);

/** The table as the guide shows it. */
export function lifecycleTable(): string {
  const line = (columns: readonly string[]) => `| ${columns.join(" | ")} |`;
  const shown = { yes: "yes", again: "again", no: "–" } as Record<string, string>;
  return [
    line(["verb", "records", ...statusNames.map((status) => status.replace("-", "‑"))]),
    line(["---", "---", ...statusNames.map(() => ":-:")]),
    ...Object.values(commands).map((row) =>
      line([`\`${row.verb}\``, row.event, ...row.cells.split(" ").map((cell) => shown[cell] ?? "none open")]),
    ),
  ].join("\n");
}
