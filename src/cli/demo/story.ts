/**
 * The story that Troth began with, as the commands that record it. An account that has been quiet for ten years, three first
 * visits, two promises made on the third: an hour's visit every two weeks without a briefcase, and no selling for a year. One
 * visit is moved by agreement, one comes late. The year after, on one Friday afternoon, the whole fleet is renewed.
 */
const timeZone = "Europe/Berlin";

export type StoryCommand = {
  command: string;
  params?: Record<string, string>;
  body: Record<string, unknown>;
  /** Whose key sends it: the house's, or one that is bound to the buyer and speaks for that person alone. */
  sentBy: "house" | "buyer";
};

export type Story = {
  ids: typeof storyIds;
  /** In the order in which it happened. */
  commands: StoryCommand[];
  /** The day on which the promises were made. */
  promisedOn: string;
  movedVisit: number;
  lateVisit: number;
  visits: number;
  /** Up to when the history is complete. */
  upTo: string;
};

/** Brought along, so that the story can be read before it is recorded. */
export const storyIds = {
  account: "acc_st0ry00000000001",
  rep: "per_st0ry00000000001",
  buyer: "per_st0ry00000000002",
  agreement: "agr_st0ry00000000001",
  visits: "prm_st0ry00000000001",
  abstention: "prm_st0ry00000000002",
} as const;

const visitCount = 26;
const movedVisit = 9;
const lateVisit = 17;
const weeksFromPromiseToRenewal = 54;

type Day = Temporal.PlainDate;
const at = (day: Day, time: string): string =>
  new Date(day.toZonedDateTime({ timeZone, plainTime: time }).epochMilliseconds).toISOString();

/**
 * @param renewedOn a Friday in the past, `YYYY-MM-DD`: everything else is counted back from there.
 * @param recording the load of history that the promises come with.
 */
export function foundingStory(renewedOn: string, recording: string): Story {
  const renewal = Temporal.PlainDate.from(renewedOn);
  const promised = renewal.subtract({ weeks: weeksFromPromiseToRenewal });
  const commands = [
    ...beginnings(promised),
    agreement(promised, recording),
    ...Array.from({ length: visitCount }, (_, index) => visitOf(promised, index + 1)).flat(),
    ...ending(renewal),
  ];
  const facts = { promisedOn: promised.toString(), movedVisit, lateVisit, visits: visitCount };
  return { ids: storyIds, commands, ...facts, upTo: at(renewal, "18:00") };
}

/** The latest Friday that lies at least a week back. */
export function usualRenewal(now: Date): string {
  const aWeekAgo = Temporal.Instant.fromEpochMilliseconds(now.getTime())
    .toZonedDateTimeISO(timeZone)
    .toPlainDate()
    .subtract({ weeks: 1 });
  return aWeekAgo.subtract({ days: (aWeekAgo.dayOfWeek + 2) % 7 }).toString();
}

const house = (command: string, body: Record<string, unknown>, params?: Record<string, string>): StoryCommand => ({
  ...{ command, params, body },
  sentBy: "house",
});

const { account, rep, buyer } = storyIds;

function interaction(
  kind: string,
  purpose: string,
  startedAt: string,
  minutes: number,
  tags: string[],
  note: string,
): StoryCommand {
  const participants = [rep, buyer];
  return house("record-interaction", {
    account,
    kind,
    purpose,
    direction: "outbound",
    startedAt,
    minutes,
    participants,
    tags,
    note,
  });
}

function beginnings(promised: Day): StoryCommand[] {
  const [first, second] = [promised.subtract({ weeks: 6 }), promised.subtract({ weeks: 3 })];
  const longAgo = first.subtract({ years: 10 });
  const opened = at(longAgo.subtract({ years: 1 }), "09:00");
  return [
    house("open-account", { id: account, name: "Harbour Freight Lines", timeZone, tags: ["fleet"], at: opened }),
    house("add-person", { id: rep, name: "R. Novak", team: "north", at: opened }),
    house("add-person", { id: buyer, account, name: "M. Lindqvist", at: opened }),
    house("assign-account", { owner: rep, at: at(first, "08:00") }, { account }),
    interaction("call", "service", at(longAgo, "14:30"), 15, [], "A question about an invoice. Then nothing for ten years."),
    interaction("visit", "sales", at(first, "10:00"), 45, ["sales-material"], "Left a brochure."),
    interaction("visit", "sales", at(second, "10:00"), 40, ["sales-material"], "Left another brochure."),
    interaction("visit", "relationship", at(promised, "10:00"), 60, [], "Talked about sailing, and made two promises."),
  ];
}

function agreement(promised: Day, recording: string): StoryCommand {
  const parties = { promisor: rep, promisee: buyer, recording };
  const visits = {
    id: storyIds.visits,
    ...parties,
    kind: "visit",
    text: "I will stop by every two weeks, for an hour, without a briefcase.",
    terms: {
      type: "recurring",
      rrule: "FREQ=WEEKLY;INTERVAL=2",
      from: promised.add({ weeks: 2 }).toString(),
      until: promised.add({ weeks: 2 * visitCount }).toString(),
      graceMinutes: 3 * 24 * 60,
    },
    matcher: { kinds: ["visit"], minMinutes: 60, tagsWithout: ["sales-material"] },
  };
  const abstention = {
    id: storyIds.abstention,
    ...parties,
    kind: "abstention",
    text: "I will not try to sell you anything for one year.",
    terms: {
      type: "abstain",
      from: at(promised.add({ days: 1 }), "00:00"),
      until: at(promised.add({ days: 1, years: 1 }), "00:00"),
    },
    matcher: { purposes: ["sales"] },
  };
  const text = "First we get to know each other.";
  return house("make-agreement", {
    id: storyIds.agreement,
    account,
    text,
    promises: [visits, abstention],
    at: at(promised, "11:00"),
  });
}

/** One visit: on its day, but for the one that was moved to the Tuesday after and the one that came on the Monday after. */
function visitOf(promised: Day, number: number): StoryCommand[] {
  const day = promised.add({ weeks: 2 * number });
  const visit = (on: Day, note: string) => interaction("visit", "relationship", at(on, "10:00"), 60, ["no-briefcase"], note);
  if (number === lateVisit) return [visit(day.add({ days: 3 }), "Three days late: the train stood still on Friday.")];
  if (number !== movedVisit) return [visit(day, `Visit ${number}.`)];
  const moved = day.add({ days: 4 });
  return [...moving(number, day, moved), visit(moved, "On the Tuesday, as agreed.")];
}

/** The promisor proposes; that the other side accepts is the buyer's own word. */
function moving(occurrence: number, day: Day, moved: Day): StoryCommand[] {
  const change = { type: "reschedule", occurrence, opensAt: at(moved, "00:00"), dueAt: at(moved.add({ days: 1 }), "00:00") };
  const params = { promise: storyIds.visits };
  const reason = "The yard is closed on that Friday.";
  return [
    house("propose-change", { change, reason, by: rep, at: at(day.subtract({ days: 3 }), "09:00") }, params),
    { command: "accept-change", params, body: { at: at(day.subtract({ days: 2 }), "16:00") }, sentBy: "buyer" },
  ];
}

function ending(renewal: Day): StoryCommand[] {
  return [
    interaction("visit", "sales", at(renewal, "13:00"), 180, [], "The whole fleet, in one Friday afternoon."),
    house("record-outcome", {
      account,
      kind: "renewed",
      amount: { value: "1200000.00", currency: "EUR" },
      at: at(renewal, "16:00"),
    }),
  ];
}
